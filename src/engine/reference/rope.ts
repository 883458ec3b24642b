/**
 * Rotary position embedding, "rotate half": number i of a head's first half and number i of its second
 * half are turned together by the angle position · inverseFrequencies[i].
 */
import type { Rope } from "../architecture.ts";

/** Turns every head of `[heads, headSize]` to a position. */
export function rotate(heads: Float32Array, rope: Rope, position: number): Float32Array {
  const half = rope.inverseFrequencies.length;
  const rotated = new Float32Array(heads.length);
  for (let start = 0; start < heads.length; start += 2 * half) {
    for (let i = 0; i < half; i += 1) {
      const angle = position * (rope.inverseFrequencies[i] ?? 0);
      const cos = Math.cos(angle) * rope.attentionFactor;
      const sin = Math.sin(angle) * rope.attentionFactor;
      const first = heads[start + i] ?? 0;
      const second = heads[start + half + i] ?? 0;
      rotated[start + i] = first * cos - second * sin;
      rotated[start + half + i] = second * cos + first * sin;
    }
  }
  return rotated;
}
