/** Root mean square normalisation: `x / sqrt(mean(x²) + epsilon) · weight`. */
import { dot } from "./linear.ts";

export interface Norm {
  readonly weight: Float32Array;
  readonly epsilon: number;
}

/** Normalises one vector. */
export function normalize(norm: Norm, x: Float32Array): Float32Array {
  const factor = 1 / Math.sqrt(dot(x, x) / x.length + norm.epsilon);
  return x.map((value, i) => value * factor * (norm.weight[i] ?? 0));
}
