/**
 * Reads the little-endian values of a GGUF header from a window on the file's beginning. Nothing is read or
 * allocated beyond what is left of the file.
 */
import { modelUnreadable } from "../errors.ts";

const MAX_STRING_BYTES = 64 * 2 ** 20; // chat templates are the longest: below 100 KiB

/** The file goes on, the window does not: read again with a larger one. */
export class WindowTooSmall extends Error {
  override readonly name = "WindowTooSmall";
}

/** A position in the header; every reader moves it on. */
export class GgufCursor {
  readonly #file: string;
  readonly #fileSize: number;
  readonly #window: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #text = new TextDecoder("utf-8", { ignoreBOM: true });
  #at = 0;

  constructor(file: string, fileSize: number, window: Uint8Array<ArrayBuffer>) {
    this.#file = file;
    this.#fileSize = fileSize;
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
  }

  get position(): number {
    return this.#at;
  }

  /** An error about what was just read. */
  wrong(problem: string): Error {
    return modelUnreadable({ file: this.#file, problem });
  }

  /** Checks that `count` things of at least `bytesEach` can still be in the file. */
  expectRoom(count: number, bytesEach: number, what: string): void {
    const left = this.#fileSize - this.#at;
    if (!(count * bytesEach <= left)) {
      throw this.wrong(
        `${what} would need ${count * bytesEach} bytes at byte ${this.#at}, and ${left} are left`,
      );
    }
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  float32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** As a number: inexact above 2^53, which no valid count or size reaches. */
  uint64(): number {
    const at = this.#take(8);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  int64(): number {
    return Number(this.#view.getBigInt64(this.#take(8), true));
  }

  string(): string {
    const length = this.uint64();
    this.#checkString(length);
    const at = this.#take(length);
    return this.#text.decode(this.#window.subarray(at, at + length));
  }

  /** A copy of the next bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length);
    return this.#window.slice(at, at + length);
  }

  /**
   * Many strings: joined, decoded at once and cut again, which is ten times faster than one by one.
   * They must be UTF-8.
   */
  strings(count: number): readonly string[] {
    this.expectRoom(count, 8, `an array of ${count} strings`);
    const { lengths, total } = this.#measureStrings(count);
    // Local names: tens of thousands of turns run before the optimiser has seen them.
    const window = this.#window;
    const joined = new Uint8Array(total);
    let from = this.#at - total - count * 8;
    let to = 0;
    for (let i = 0; i < count; i++) {
      from += 8;
      const end = from + (lengths[i] ?? 0);
      let units = 0;
      while (from < end) {
        const byte = window[from++] ?? 0;
        joined[to++] = byte;
        units += byte < 0x80 ? 1 : byte < 0xc0 ? 0 : byte < 0xf0 ? 1 : 2;
      }
      lengths[i] = units;
    }
    return cut(this.#decodeStrictly(joined), lengths);
  }

  /** Passes the strings; their lengths in bytes. */
  #measureStrings(count: number): { readonly lengths: Uint32Array; readonly total: number } {
    const lengths = new Uint32Array(count);
    const view = this.#view;
    const last = this.#window.length - 8;
    let at = this.#at;
    let total = 0;
    for (let i = 0; i < count && at <= last; i++) {
      const length = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
      this.#checkString(length);
      lengths[i] = length;
      total += length;
      at += 8 + length;
    }
    this.#take(Math.max(total + count * 8, at - this.#at));
    return { lengths, total };
  }

  #checkString(length: number): void {
    if (length > MAX_STRING_BYTES) throw this.wrong(`a string would have ${length} bytes`);
  }

  #decodeStrictly(bytes: Uint8Array): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.wrong("an array of strings is not UTF-8");
    }
  }

  /** Where `length` bytes start that are now passed. */
  #take(length: number): number {
    const at = this.#at;
    const end = at + length;
    if (end > this.#fileSize) {
      throw this.wrong(
        `it ends at byte ${this.#fileSize}, inside a value of ${length} bytes at ${at}`,
      );
    }
    if (end > this.#window.length) throw new WindowTooSmall();
    this.#at = end;
    return at;
  }
}

/** `lengths` in UTF-16 units. */
function cut(text: string, lengths: Uint32Array): readonly string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}
