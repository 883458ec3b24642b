/**
 * Q2_K and Q3_K → float32: blocks of 256 numbers in 16 groups, each group with a small scale of its own.
 * Four 2-bit numbers share a byte: 32 bytes hold 128 numbers, the lowest two bits of all of them come first.
 */
import { halfTable } from "../../float16.ts";
import { uint16 } from "./little-endian.ts";

/** Block: 16 bytes of scale and minimum, 64 bytes of four q, d, dmin (halves): w = d·scale·q − dmin·minimum. */
export function dequantizeQ2K(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 84) {
    const d = table[uint16(bytes, at + 80)] ?? 0;
    const dmin = table[uint16(bytes, at + 82)] ?? 0;
    for (let group = 0; group < 16; group++, to += 16) {
      const packed = bytes[at + group] ?? 0;
      const scale = d * (packed & 15);
      const minimum = dmin * (packed >>> 4);
      const from = at + 16 + (group >>> 3) * 32 + (group & 1) * 16;
      const shift = group & 6; // two bits for every two groups
      for (let i = 0; i < 16; i++) {
        out[to + i] = scale * (((bytes[from + i] ?? 0) >>> shift) & 3) - minimum;
      }
    }
  }
}

/**
 * Block: 32 bytes of third bits, 64 bytes of four q, 16 scales of 6 bits in 12 bytes, d (half):
 * w = d·(scale − 32)·(q − 4), the third bit included in q.
 */
export function dequantizeQ3K(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 110) {
    const d = table[uint16(bytes, at + 108)] ?? 0;
    for (let group = 0; group < 16; group++, to += 16) {
      const low = ((bytes[at + 96 + (group & 7)] ?? 0) >>> ((group >>> 3) * 4)) & 15;
      const high = ((bytes[at + 104 + (group & 3)] ?? 0) >>> ((group >>> 2) * 2)) & 3;
      const scale = d * ((low | (high << 4)) - 32);
      const half = (group & 1) * 16;
      const from = at + 32 + (group >>> 3) * 32 + half;
      const shift = group & 6;
      const third = group >>> 1;
      for (let i = 0; i < 16; i++) {
        const q = ((bytes[from + i] ?? 0) >>> shift) & 3;
        const bit = ((bytes[at + half + i] ?? 0) >>> third) & 1;
        out[to + i] = scale * ((q | (bit << 2)) - 4);
      }
    }
  }
}
