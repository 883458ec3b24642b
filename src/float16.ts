/** 16-bit floats to float32: IEEE half precision by a table of all 65,536 values, bfloat16 by a shift. */

const HALVES = 0x1_0000;

let table: Float32Array | undefined;

/** The float32 value of every half-precision bit pattern; made at first use (256 KiB). */
export function halfTable(): Float32Array {
  table ??= new Float32Array(
    Uint32Array.from({ length: HALVES }, (_, half) => halfBits(half)).buffer,
  );
  return table;
}

/** The float32 bit pattern of a half-precision one: exact, NaN payloads included. */
export function halfBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f80_0000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  const shift = Math.clz32(fraction) - 21; // brings the leading one to bit 10
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0;
}
