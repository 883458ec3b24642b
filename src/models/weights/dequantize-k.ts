/**
 * Q4_K, Q5_K and Q6_K → float32: blocks of 256 numbers in groups, each group with a small scale of its own.
 * Two 4-bit numbers share a byte: 32 bytes (Q6_K: 64) hold twice as many numbers, the low halves first.
 */
import { halfTable } from "../../float16.ts";
import { uint16 } from "./little-endian.ts";

/** Block: d, dmin (halves), 12 bytes of scales and minima, 128 bytes of two q: w = d·scale·q − dmin·minimum. */
export function dequantizeQ4K(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 144) {
    const d = table[uint16(bytes, at)] ?? 0;
    const dmin = table[uint16(bytes, at + 2)] ?? 0;
    for (let group = 0; group < 8; group += 2, to += 64) {
      const scale = d * groupScale(bytes, at + 4, group);
      const minimum = dmin * groupMinimum(bytes, at + 4, group);
      const nextScale = d * groupScale(bytes, at + 4, group + 1);
      const nextMinimum = dmin * groupMinimum(bytes, at + 4, group + 1);
      const from = at + 16 + group * 16;
      for (let i = 0; i < 32; i++) {
        const pair = bytes[from + i] ?? 0;
        out[to + i] = scale * (pair & 15) - minimum;
        out[to + 32 + i] = nextScale * (pair >>> 4) - nextMinimum;
      }
    }
  }
}

/** As Q4_K, with 32 bytes of fifth bits before the q: bit g of byte i is for number i of group g. */
export function dequantizeQ5K(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 176) {
    const d = table[uint16(bytes, at)] ?? 0;
    const dmin = table[uint16(bytes, at + 2)] ?? 0;
    for (let group = 0; group < 8; group += 2, to += 64) {
      const scale = d * groupScale(bytes, at + 4, group);
      const minimum = dmin * groupMinimum(bytes, at + 4, group);
      const nextScale = d * groupScale(bytes, at + 4, group + 1);
      const nextMinimum = dmin * groupMinimum(bytes, at + 4, group + 1);
      const from = at + 48 + group * 16;
      for (let i = 0; i < 32; i++) {
        const pair = bytes[from + i] ?? 0;
        const fifth = (bytes[at + 16 + i] ?? 0) >>> group;
        out[to + i] = scale * ((pair & 15) | ((fifth & 1) << 4)) - minimum;
        out[to + 32 + i] = nextScale * ((pair >>> 4) | ((fifth & 2) << 3)) - nextMinimum;
      }
    }
  }
}

// Scales and minima of eight groups, 6 bits each, in 12 bytes: the first four of either fill the low bits of
// bytes 0 to 7, whose top two bits are the top of the other four; the low four bits of those share bytes 8 to 11.
function groupScale(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return (bytes[at + group] ?? 0) & 63;
  return ((bytes[at + 4 + group] ?? 0) & 15) | (((bytes[at + group - 4] ?? 0) >>> 6) << 4);
}

function groupMinimum(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return (bytes[at + 4 + group] ?? 0) & 63;
  return ((bytes[at + 4 + group] ?? 0) >>> 4) | (((bytes[at + group] ?? 0) >>> 6) << 4);
}

/**
 * Block: 128 bytes of two low q, 64 bytes of four times two high bits, 16 signed scales, d (half):
 * w = d·scale·(q − 32). Each half of the block is 128 numbers in four runs of 32.
 */
export function dequantizeQ6K(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  let to = offset;
  for (let at = 0; at < bytes.length; at += 210, to += 256) {
    const d = table[uint16(bytes, at + 208)] ?? 0;
    for (let part = 0; part < 4; part++) {
      // 16 numbers of each of a half's four runs: they share their bytes.
      const side = (part & 1) * 16;
      const half = part >>> 1;
      const scales = at + 192 + half * 8 + (part & 1);
      const first = d * (signed[scales] ?? 0);
      const second = d * (signed[scales + 2] ?? 0);
      const third = d * (signed[scales + 4] ?? 0);
      const fourth = d * (signed[scales + 6] ?? 0);
      const low = at + half * 64 + side;
      const high = at + 128 + half * 32 + side;
      const start = to + half * 128 + side;
      for (let i = 0; i < 16; i++) {
        const pair = bytes[low + i] ?? 0;
        const next = bytes[low + 32 + i] ?? 0;
        const top = bytes[high + i] ?? 0;
        out[start + i] = first * (((pair & 15) | ((top & 3) << 4)) - 32);
        out[start + 32 + i] = second * (((next & 15) | ((top & 12) << 2)) - 32);
        out[start + 64 + i] = third * (((pair >>> 4) | (top & 48)) - 32);
        out[start + 96 + i] = fourth * (((next >>> 4) | ((top & 192) >>> 2)) - 32);
      }
    }
  }
}
