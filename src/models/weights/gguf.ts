/**
 * Reads GGUF, version 2 and 3, little endian: metadata, tensor infos, tensors on demand.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * Own, not @huggingface/gguf: that one reads paths and URLs only, pads a truncated header with zeros and goes on,
 * reserves up to 50 MB for a file of 1 kB, and takes ten times as long for a vocabulary of 49,000.
 */
import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { sizeOf, tensorAt, type Checkpoint, type StoredTensor } from "./checkpoint.ts";
import { GgufCursor, WindowTooSmall } from "./gguf-cursor.ts";
import { GgufMetadata, readGgufValue, type GgufValue } from "./gguf-metadata.ts";
import { GGML_TYPES } from "./gguf-types.ts";

const MAGIC = 0x46554747; // "GGUF"
const FIRST_WINDOW_BYTES = 4 * 2 ** 20; // holds the header of a vocabulary of 100,000
const MAX_HEADER_BYTES = 2 ** 30;
const MAX_DIMENSIONS = 4; // ggml's own limit
const MIN_PAIR_BYTES = 8 + 4 + 1; // key length, type, a value
const MIN_TENSOR_BYTES = 8 + 4 + 4 + 8; // name length, dimensions, type, offset
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 2 ** 20;

/** An opened GGUF file. */
export interface GgufFile extends Checkpoint {
  readonly metadata: GgufMetadata;
}

/**
 * Reads the header; the file stays open for the tensors, and closing it is the returned file's.
 * @throws `model-unreadable` when the file is broken or truncated, `model-unsupported` for version 1 and big endian
 */
export async function openGguf(source: ByteSource): Promise<GgufFile> {
  const header = await readHeader(source);
  const tensors = locateTensors(source, header);
  return { metadata: header.metadata, tensors, close: () => source.close() };
}

interface Header {
  readonly metadata: GgufMetadata;
  readonly infos: readonly TensorInfo[];
  /** Where the infos end. */
  readonly end: number;
}

interface TensorInfo {
  readonly name: string;
  /** Outermost first. */
  readonly shape: readonly number[];
  readonly type: number;
  readonly offset: number;
}

/** Parses a window on the file's beginning, and a larger one as long as the header goes on. */
async function readHeader(source: ByteSource): Promise<Header> {
  const limit = Math.min(source.size, MAX_HEADER_BYTES);
  for (let size = Math.min(FIRST_WINDOW_BYTES, limit); ; size = Math.min(size * 4, limit)) {
    const cursor = new GgufCursor(source.name, source.size, await source.slice(0, size));
    try {
      return parseHeader(source.name, cursor);
    } catch (error) {
      if (!(error instanceof WindowTooSmall)) throw error;
      if (size === limit) {
        const problem = `its header is longer than ${MAX_HEADER_BYTES} bytes`;
        throw modelUnreadable({ file: source.name, problem });
      }
    }
  }
}

function parseHeader(file: string, cursor: GgufCursor): Header {
  if (cursor.uint32() !== MAGIC) {
    throw modelUnreadable({
      file,
      problem: `it does not start with "GGUF"`,
      hint: "Give a GGUF file; what stands here may be a Git LFS pointer or a failed download.",
    });
  }
  checkVersion(file, cursor.uint32());
  const tensorCount = cursor.uint64();
  const pairCount = cursor.uint64();
  cursor.expectRoom(pairCount, MIN_PAIR_BYTES, `${pairCount} metadata entries`);
  const values = new Map<string, GgufValue>();
  for (let i = 0; i < pairCount; i++) {
    const key = cursor.string();
    if (values.has(key)) throw cursor.wrong(`"${key}" stands twice in the metadata`);
    values.set(key, readGgufValue(cursor));
  }
  cursor.expectRoom(tensorCount, MIN_TENSOR_BYTES, `${tensorCount} tensors`);
  const infos: TensorInfo[] = [];
  for (let i = 0; i < tensorCount; i++) infos.push(readTensorInfo(cursor));
  return { metadata: new GgufMetadata(file, values), infos, end: cursor.position };
}

function checkVersion(file: string, version: number): void {
  if (version === 2 || version === 3) return;
  const swapped = new DataView(new ArrayBuffer(4));
  swapped.setUint32(0, version);
  const isBigEndian = swapped.getUint32(0, true) <= 3 && version !== 0;
  if (version !== 1 && !isBigEndian) {
    throw modelUnreadable({ file, problem: `it has the unknown GGUF version ${version}` });
  }
  const missing = isBigEndian ? "it is big endian" : "it has GGUF version 1";
  throw modelUnsupported({ file, missing, hint: "Convert it with llama.cpp to GGUF version 3." });
}

function readTensorInfo(cursor: GgufCursor): TensorInfo {
  const name = cursor.string();
  const dimensions = cursor.uint32();
  if (dimensions > MAX_DIMENSIONS) {
    throw cursor.wrong(`tensor "${name}" has ${dimensions} dimensions`);
  }
  const sizes = Array.from({ length: dimensions }, () => cursor.uint64());
  return { name, shape: sizes.reverse(), type: cursor.uint32(), offset: cursor.uint64() };
}

function locateTensors(source: ByteSource, header: Header): ReadonlyMap<string, StoredTensor> {
  const alignment = alignmentOf(header.metadata);
  const dataStart = Math.ceil(header.end / alignment) * alignment;
  const tensors = new Map<string, StoredTensor>();
  let end = 0;
  for (const info of [...header.infos].sort((a, b) => a.offset - b.offset)) {
    const byteLength = byteLengthOf(source.name, info);
    const wrong = (problem: string): Error =>
      modelUnreadable({ file: source.name, problem: `tensor "${info.name}" ${problem}` });
    if (tensors.has(info.name)) throw wrong("is declared twice");
    if (info.offset % alignment !== 0)
      throw wrong(`starts at ${info.offset}, no multiple of ${alignment}`);
    if (info.offset < end) throw wrong("overlaps the one before it");
    end = info.offset + byteLength;
    if (dataStart + end > source.size) {
      throw wrong(`ends at byte ${dataStart + end}, and the file at ${source.size}`);
    }
    const type = GGML_TYPES.get(info.type)?.name ?? `type ${info.type}`;
    const { name, shape } = info;
    tensors.set(name, tensorAt(source, dataStart + info.offset, { name, type, shape, byteLength }));
  }
  return tensors;
}

function alignmentOf(metadata: GgufMetadata): number {
  const alignment = metadata.number("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (
    Number.isInteger(alignment) &&
    alignment > 0 &&
    alignment <= MAX_ALIGNMENT &&
    alignment % 8 === 0
  ) {
    return alignment;
  }
  throw modelUnreadable({ file: metadata.file, problem: `its alignment is ${alignment}` });
}

function byteLengthOf(file: string, { name, shape, type }: TensorInfo): number {
  const facts = GGML_TYPES.get(type);
  if (facts === undefined) {
    throw modelUnsupported({
      file,
      missing: `tensor "${name}" has the unknown number type ${type}`,
    });
  }
  const size = sizeOf(shape);
  const row = shape.at(-1) ?? 1;
  if (size === undefined || row % facts.blockSize !== 0) {
    const problem = `tensor "${name}" has the impossible shape [${shape.join(", ")}] for ${facts.name}`;
    throw modelUnreadable({ file, problem });
  }
  return (size / facts.blockSize) * facts.bytesPerBlock;
}
