/**
 * Stored numbers → float32, bit for bit as ggml and the gguf Python package do it: the table of all types, over
 * pure functions from bytes to a caller's buffer. Reading the bytes and checking their length is left to the checkpoint.
 *
 * Every product and sum is exact in double precision (halves times small integers), so that the one rounding when
 * a number is stored is the one that float32 arithmetic makes.
 */
import type { StorageType } from "../../engine/architecture.ts";
import {
  dequantizeQ40,
  dequantizeQ41,
  dequantizeQ50,
  dequantizeQ51,
  dequantizeQ80,
} from "./dequantize-blocks.ts";
import { copyF32, widenBF16, widenF16 } from "./dequantize-floats.ts";
import { dequantizeIQ4NL, dequantizeIQ4XS } from "./dequantize-iq4.ts";
import { dequantizeQ2K, dequantizeQ3K } from "./dequantize-k-low.ts";
import { dequantizeQ4K, dequantizeQ5K, dequantizeQ6K } from "./dequantize-k.ts";

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
  Q4_0: { blockSize: 32, bytesPerBlock: 18, dequantize: dequantizeQ40 },
  Q4_1: { blockSize: 32, bytesPerBlock: 20, dequantize: dequantizeQ41 },
  Q5_0: { blockSize: 32, bytesPerBlock: 22, dequantize: dequantizeQ50 },
  Q5_1: { blockSize: 32, bytesPerBlock: 24, dequantize: dequantizeQ51 },
  Q8_0: { blockSize: 32, bytesPerBlock: 34, dequantize: dequantizeQ80 },
  Q2_K: { blockSize: 256, bytesPerBlock: 84, dequantize: dequantizeQ2K },
  Q3_K: { blockSize: 256, bytesPerBlock: 110, dequantize: dequantizeQ3K },
  Q4_K: { blockSize: 256, bytesPerBlock: 144, dequantize: dequantizeQ4K },
  Q5_K: { blockSize: 256, bytesPerBlock: 176, dequantize: dequantizeQ5K },
  Q6_K: { blockSize: 256, bytesPerBlock: 210, dequantize: dequantizeQ6K },
  IQ4_NL: { blockSize: 32, bytesPerBlock: 18, dequantize: dequantizeIQ4NL },
  IQ4_XS: { blockSize: 256, bytesPerBlock: 136, dequantize: dequantizeIQ4XS },
};

/** Whether numbers of this type, as files spell it, can be read. */
export function isStorageType(type: string): type is StorageType {
  return Object.hasOwn(STORAGE_FORMATS, type);
}
