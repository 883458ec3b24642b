/**
 * A stored tensor as engines take weights: with a type that can be dequantised and its rows in the order
 * the architecture means.
 */
import type { RowReader, StorageType, WeightTensor } from "../../engine/architecture.ts";
import { bytesOf, type StoredTensor } from "./checkpoint.ts";
import { STORAGE_FORMATS } from "./dequantize.ts";

/** Where a rotary pair stands in a head's rows: in both halves at the same place, or next to each other. */
export type RotaryRows = "halves" | "interleaved";

// Large tensors are dequantised in pieces of about this size, which stay in the processor's cache.
const PIECE_BYTES = 2 ** 20;

/** Buffers of finished calls: fresh memory costs more than the reading. */
const idlePieces: Uint8Array<ArrayBuffer>[] = [];
const MAX_IDLE_PIECES = 4;

/** The tensor as it is in the file. Its shape must be whole blocks a row. */
export function storedWeight(tensor: StoredTensor, type: StorageType): WeightTensor {
  return {
    type,
    shape: tensor.shape,
    bytes: () => bytesOf(tensor),
    dequantize: (out, offset = 0) => dequantizeByPieces(tensor, type, out, offset),
    rows: (from, count, out) => dequantizeRows(tensor, type, { from, count }, out),
    rowReader: async () => rowReader(await bytesOf(tensor), tensor.shape[0] ?? 1, type),
  };
}

/**
 * The tensor with the rows of each of `heads` heads brought from "interleaved" to "halves": the pair (2i, 2i + 1)
 * of a head becomes (i, i + headSize / 2). Converters to GGUF do the opposite for llama's q and k.
 */
export function deinterleavedWeight(
  tensor: StoredTensor,
  type: StorageType,
  heads: number,
): WeightTensor {
  const bytes = async (): Promise<Uint8Array<ArrayBuffer>> =>
    deinterleaveRows(await bytesOf(tensor), tensor.shape[0] ?? 1, heads);
  return {
    type,
    shape: tensor.shape,
    bytes,
    dequantize: async (out, offset = 0) => {
      STORAGE_FORMATS[type].dequantize(await bytes(), out, offset);
    },
    rowReader: async () => rowReader(await bytes(), tensor.shape[0] ?? 1, type),
  };
}

function rowReader(stored: Uint8Array, rows: number, type: StorageType): RowReader {
  const rowBytes = stored.length / rows;
  const { dequantize } = STORAGE_FORMATS[type];
  return (row, out, offset) => {
    dequantize(stored.subarray(row * rowBytes, (row + 1) * rowBytes), out, offset);
  };
}

async function dequantizeRows(
  tensor: StoredTensor,
  type: StorageType,
  { from, count }: { readonly from: number; readonly count: number },
  out: Float32Array,
): Promise<void> {
  const rowBytes = tensor.byteLength / (tensor.shape[0] ?? 1);
  const bytes = new Uint8Array(count * rowBytes);
  await tensor.read(from * rowBytes, bytes);
  STORAGE_FORMATS[type].dequantize(bytes, out, 0);
}

function deinterleaveRows(
  stored: Uint8Array,
  rows: number,
  heads: number,
): Uint8Array<ArrayBuffer> {
  const rowBytes = stored.length / rows;
  const headSize = rows / heads;
  const ordered = new Uint8Array(stored.length);
  for (let row = 0; row < rows; row++) {
    const inHead = row % headSize;
    const half = inHead % 2 === 0 ? 0 : headSize / 2;
    const to = row - inHead + half + Math.floor(inHead / 2);
    ordered.set(stored.subarray(row * rowBytes, (row + 1) * rowBytes), to * rowBytes);
  }
  return ordered;
}

async function dequantizeByPieces(
  tensor: StoredTensor,
  type: StorageType,
  out: Float32Array,
  offset: number,
): Promise<void> {
  const { blockSize, bytesPerBlock, dequantize } = STORAGE_FORMATS[type];
  const blocks = Math.floor(PIECE_BYTES / bytesPerBlock);
  const piece = idlePieces.pop() ?? new Uint8Array(PIECE_BYTES);
  for (let at = 0, to = offset; at < tensor.byteLength; to += blocks * blockSize) {
    const bytes = piece.subarray(0, Math.min(blocks * bytesPerBlock, tensor.byteLength - at));
    await tensor.read(at, bytes);
    dequantize(bytes, out, to);
    at += bytes.length;
  }
  if (idlePieces.length < MAX_IDLE_PIECES) idlePieces.push(piece);
}
