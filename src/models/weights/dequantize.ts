/**
 * Stored numbers → float32, bit for bit as ggml and the gguf Python package do it. Pure functions from bytes
 * to a caller's buffer; reading the bytes and checking their length is left to the checkpoint.
 *
 * The products and sums below are exact in double precision (halves times small integers), so that the
 * one rounding when they are stored is the one float32 arithmetic makes.
 */
import type { StorageType } from "../../engine/architecture.ts";
import { halfTable } from "../../float16.ts";

/** How one storage type lays out its numbers: blocks of a fixed size, one after the other. */
export interface StorageFormat {
  /** Numbers in a block. */
  readonly blockSize: number;
  readonly bytesPerBlock: number;
  /** Writes all numbers of `bytes` (whole blocks) to `out`, from `out[offset]` on. */
  readonly dequantize: (bytes: Uint8Array, out: Float32Array, offset: number) => void;
}

/** Every type that can be read. */
export const STORAGE_FORMATS: Readonly<Record<StorageType, StorageFormat>> = {
  F32: { blockSize: 1, bytesPerBlock: 4, dequantize: copyF32 },
  F16: { blockSize: 1, bytesPerBlock: 2, dequantize: widenF16 },
  BF16: { blockSize: 1, bytesPerBlock: 2, dequantize: widenBF16 },
  Q4_1: { blockSize: 32, bytesPerBlock: 20, dequantize: dequantizeQ41 },
  Q8_0: { blockSize: 32, bytesPerBlock: 34, dequantize: dequantizeQ80 },
};

/** Whether numbers of this type, as files spell it, can be read. */
export function isStorageType(type: string): type is StorageType {
  return Object.hasOwn(STORAGE_FORMATS, type);
}

function copyF32(bytes: Uint8Array, out: Float32Array, offset: number): void {
  new Uint8Array(out.buffer, out.byteOffset + offset * 4, bytes.length).set(bytes);
}

// Both go by bit patterns: a NaN that passes through a number may lose its payload.
function widenF16(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset + offset * 4, bytes.length >>> 1);
  const table = new Uint32Array(halfTable().buffer);
  for (let i = 0, at = 0; i < bits.length; i++, at += 2) {
    bits[i] = table[uint16(bytes, at)] ?? 0;
  }
}

function widenBF16(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset + offset * 4, bytes.length >>> 1);
  for (let i = 0, at = 0; i < bits.length; i++, at += 2) {
    bits[i] = uint16(bytes, at) << 16;
  }
}

/** Block: d, m (halves), 16 bytes of two 4-bit q: w = d·q + m; the low halves of all bytes come first. */
function dequantizeQ41(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 20, to += 32) {
    const d = table[uint16(bytes, at)] ?? 0;
    const m = table[uint16(bytes, at + 2)] ?? 0;
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 4 + i] ?? 0;
      out[to + i] = d * (pair & 15) + m;
      out[to + 16 + i] = d * (pair >>> 4) + m;
    }
  }
}

/** Block: d (half), 32 signed bytes q: w = d·q. */
function dequantizeQ80(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  let to = offset;
  for (let at = 0; at < bytes.length; at += 34, to += 32) {
    const d = table[uint16(bytes, at)] ?? 0;
    for (let i = 0; i < 32; i++) {
      out[to + i] = d * (signed[at + 2 + i] ?? 0);
    }
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}
