/**
 * Rotary position embedding, "rotate half": number i of the first half of a head's turned part and number i of its
 * second half are turned together by the angle position · frequencies[i].
 */
import { frequenciesOf } from "../rope-frequencies.ts";
import type { Rope } from "../architecture.ts";

/** Turns every head of `[heads, headSize]` to a position, in a pass that reaches over `length` tokens. */
export function rotate(
  heads: Float32Array,
  rope: Rope | undefined,
  at: { readonly headSize: number; readonly position: number; readonly length: number },
): Float32Array {
  const rotated = heads.slice();
  if (rope === undefined) return rotated;
  const frequencies = frequenciesOf(rope, at.length);
  const half = frequencies.length;
  for (let start = 0; start < heads.length; start += at.headSize) {
    for (let i = 0; i < half; i += 1) {
      const angle = at.position * (frequencies[i] ?? 0);
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
