/**
 * IQ4_NL and IQ4_XS → float32: a 4-bit number names one of 16 levels, which lie closer together around zero.
 * Two share a byte; the low halves of 16 bytes come first.
 */
import { halfTable } from "../../float16.ts";
import { uint16 } from "./little-endian.ts";

// ggml's kvalues_iq4nl
const LEVELS = Int8Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
);

/** Block of 32: d (half), 16 bytes of two q: w = d·level(q). */
export function dequantizeIQ4NL(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 18, to += 32) {
    writeLevels(bytes, at + 2, table[uint16(bytes, at)] ?? 0, out, to);
  }
}

/**
 * Block of 256 in 8 groups: d (half), the top two bits of each group's scale (16 bits), their low four (4 bytes),
 * 16 bytes of two q a group: w = d·(scale − 32)·level(q).
 */
export function dequantizeIQ4XS(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const table = halfTable();
  let to = offset;
  for (let at = 0; at < bytes.length; at += 136) {
    const d = table[uint16(bytes, at)] ?? 0;
    const tops = uint16(bytes, at + 2);
    for (let group = 0; group < 8; group++, to += 32) {
      const low = ((bytes[at + 4 + (group >>> 1)] ?? 0) >>> ((group & 1) * 4)) & 15;
      const scale = (low | (((tops >>> (2 * group)) & 3) << 4)) - 32;
      writeLevels(bytes, at + 8 + group * 16, d * scale, out, to);
    }
  }
}

function writeLevels(
  bytes: Uint8Array,
  from: number,
  scale: number,
  out: Float32Array,
  to: number,
): void {
  for (let i = 0; i < 16; i++) {
    const pair = bytes[from + i] ?? 0;
    out[to + i] = scale * (LEVELS[pair & 15] ?? 0);
    out[to + 16 + i] = scale * (LEVELS[pair >>> 4] ?? 0);
  }
}
