/**
 * The files of a zip archive that stores them as they are, as PyTorch writes its own: found by the central directory at
 * its end. Nothing is decompressed.
 */
import { modelUnreadable } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

/** A file in an archive: its bytes lie in the archive. */
export interface ZipEntry {
  readonly start: number;
  readonly size: number;
}

const END = { signature: 0x06054b50, bytes: 22, maxComment: 65_535 } as const;
const END64 = { signature: 0x06064b50, bytes: 56, locator: 0x07064b50, locatorBytes: 20 } as const;
const DIRECTORY = { signature: 0x02014b50, bytes: 46 } as const;
const LOCAL = { signature: 0x04034b50, bytes: 30 } as const;
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;
const IN_64 = 0xffffffff; // the number stands in the entry's extra field
const EXTRA_64 = 1;

/**
 * The stored files of an archive by their names.
 * @throws `model-unreadable` where it is none, is damaged, or a file in it is compressed
 */
export async function readZip(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { start, size } = await directoryOf(source);
  if (size > MAX_DIRECTORY_BYTES || start + size > source.size) throw damaged(source);
  const view = viewOf(await source.slice(start, start + size));
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at + DIRECTORY.bytes <= size;) {
    if (view.getUint32(at, true) !== DIRECTORY.signature) throw damaged(source);
    const lengths = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const [nameBytes = 0, extraBytes = 0, commentBytes = 0] = lengths;
    const next = at + DIRECTORY.bytes + nameBytes + extraBytes + commentBytes;
    if (next > size) throw damaged(source);
    const name = textOf(view, at + DIRECTORY.bytes, nameBytes);
    if (view.getUint16(at + 10, true) !== 0) {
      throw modelUnreadable({ file: source.name, problem: `"${name}" in it is compressed` });
    }
    entries.set(name, await entryAt(source, view, { at, nameBytes, extraBytes }));
    at = next;
  }
  return entries;
}

async function directoryOf(source: ByteSource): Promise<ZipEntry> {
  const from = Math.max(0, source.size - END.bytes - END.maxComment - END64.locatorBytes);
  const view = viewOf(await source.slice(from, source.size));
  for (let at = view.byteLength - END.bytes; at >= 0; at--) {
    if (view.getUint32(at, true) !== END.signature) continue;
    const found = { size: view.getUint32(at + 12, true), start: view.getUint32(at + 16, true) };
    const locator = at - END64.locatorBytes;
    if (locator < 0 || view.getUint32(locator, true) !== END64.locator) return found;
    const end = Number(view.getBigUint64(locator + 8, true));
    if (end + END64.bytes > source.size) throw damaged(source);
    const wide = viewOf(await source.slice(end, end + END64.bytes));
    if (wide.getUint32(0, true) !== END64.signature) throw damaged(source);
    return {
      size: Number(wide.getBigUint64(40, true)),
      start: Number(wide.getBigUint64(48, true)),
    };
  }
  throw modelUnreadable({ file: source.name, problem: "it is no zip archive" });
}

async function entryAt(
  source: ByteSource,
  view: DataView,
  parts: { readonly at: number; readonly nameBytes: number; readonly extraBytes: number },
): Promise<ZipEntry> {
  const { at, nameBytes, extraBytes } = parts;
  const wide = wideNumbers(view, at + DIRECTORY.bytes + nameBytes, extraBytes);
  // In the extra field stand, in this order, only those that do not fit.
  const numbers = [24, 20, 42].map((offset) => {
    const value = view.getUint32(at + offset, true);
    return value === IN_64 ? wide.shift() : value;
  });
  const [size, , local] = numbers;
  if (size === undefined || local === undefined || local + LOCAL.bytes > source.size) {
    throw damaged(source);
  }
  const head = viewOf(await source.slice(local, local + LOCAL.bytes));
  if (head.getUint32(0, true) !== LOCAL.signature) throw damaged(source);
  const start = local + LOCAL.bytes + head.getUint16(26, true) + head.getUint16(28, true);
  if (start + size > source.size) throw damaged(source);
  return { start, size };
}

function wideNumbers(view: DataView, start: number, bytes: number): number[] {
  for (let at = start; at + 4 <= start + bytes;) {
    const length = view.getUint16(at + 2, true);
    if (at + 4 + length > start + bytes) return [];
    if (view.getUint16(at, true) === EXTRA_64) {
      return Array.from({ length: Math.floor(length / 8) }, (_, i) =>
        Number(view.getBigUint64(at + 4 + 8 * i, true)),
      );
    }
    at += 4 + length;
  }
  return [];
}

function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(view: DataView, start: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + start, length));
}

function damaged(source: ByteSource): Error {
  return modelUnreadable({ file: source.name, problem: "its zip archive is damaged" });
}
