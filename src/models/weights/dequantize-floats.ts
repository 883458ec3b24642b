/** F32, F16 and BF16 → float32. All go by bit patterns: a NaN that passes through a number may lose its payload. */
import { halfTable } from "../../float16.ts";

/** The stored bytes as they are. */
export function copyF32(bytes: Uint8Array, out: Float32Array, offset: number): void {
  new Uint8Array(out.buffer, out.byteOffset + offset * 4, bytes.length).set(bytes);
}

/** IEEE half precision. */
export function widenF16(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const halves = halvesOf(bytes);
  const bits = new Int32Array(out.buffer, out.byteOffset + offset * 4, halves.length);
  const table = new Int32Array(halfTable().buffer);
  for (let i = 0; i < bits.length; i++) bits[i] = table[halves[i] ?? 0] ?? 0;
}

/** The upper half of a float32. */
export function widenBF16(bytes: Uint8Array, out: Float32Array, offset: number): void {
  const halves = halvesOf(bytes);
  const bits = new Int32Array(out.buffer, out.byteOffset + offset * 4, halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (halves[i] ?? 0) << 16;
}

/** The bytes by twos: a view where they are aligned, else a copy. JavaScript runs on little-endian machines. */
function halvesOf(bytes: Uint8Array): Uint16Array {
  const isAligned = bytes.byteOffset % 2 === 0;
  const { buffer, byteOffset } = isAligned ? bytes : bytes.slice();
  return new Uint16Array(buffer, byteOffset, bytes.length >>> 1);
}
