/**
 * Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 → float32: blocks of 32 numbers with one scale d, some with an offset m, all halves.
 * Where two 4-bit numbers share a byte, the low halves of all 16 bytes come first. In Q5, bit i of the word `high` is
 * the fifth of number i.
 */
import { halfTable } from "../../float16.ts";
import { bits32, uint16 } from "./little-endian.ts";

/** Block: d, 16 bytes of two q: w = d·(q − 8). */
export function dequantizeQ40(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 18, to += 32) {
    const d = table[uint16(bytes, at)] ?? 0;
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 2 + i] ?? 0;
      out[to + i] = d * ((pair & 15) - 8);
      out[to + 16 + i] = d * ((pair >>> 4) - 8);
    }
  }
}

/** Block: d, m, 16 bytes of two q: w = d·q + m. */
export function dequantizeQ41(bytes: Uint8Array, out: Float32Array, offset: number): void {
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

/** Block: d, high, 16 bytes of two q: w = d·(q − 16). */
export function dequantizeQ50(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 22, to += 32) {
    const d = table[uint16(bytes, at)] ?? 0;
    const high = bits32(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 6 + i] ?? 0;
      out[to + i] = d * (((pair & 15) | (((high >>> i) & 1) << 4)) - 16);
      out[to + 16 + i] = d * (((pair >>> 4) | (((high >>> (16 + i)) & 1) << 4)) - 16);
    }
  }
}

/** Block: d, m, high, 16 bytes of two q: w = d·q + m. */
export function dequantizeQ51(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 24, to += 32) {
    const d = table[uint16(bytes, at)] ?? 0;
    const m = table[uint16(bytes, at + 2)] ?? 0;
    const high = bits32(bytes, at + 4);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 8 + i] ?? 0;
      out[to + i] = d * ((pair & 15) | (((high >>> i) & 1) << 4)) + m;
      out[to + 16 + i] = d * ((pair >>> 4) | (((high >>> (16 + i)) & 1) << 4)) + m;
    }
  }
}

/** Block: d, 32 signed bytes q: w = d·q. */
export function dequantizeQ80(bytes: Uint8Array, out: Float32Array, offset: number): void {
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
