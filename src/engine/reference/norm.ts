/** Normalisation of one vector: root mean square, or layer norm (mean taken off, bias added). */
import type { NormSettings } from "../architecture.ts";
import { dot } from "./linear.ts";

export interface Norm {
  readonly kind: NormSettings["kind"];
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly epsilon: number;
}

/** `x / sqrt(mean(x²) + epsilon) · weight (+ bias)`, of `x - mean(x)` for a layer norm. */
export function normalize(norm: Norm, x: Float32Array): Float32Array {
  const centred = Float64Array.from(x);
  if (norm.kind === "layer-norm") {
    const mean = centred.reduce((sum, value) => sum + value, 0) / x.length;
    centred.forEach((value, i) => (centred[i] = value - mean));
  }
  const factor = 1 / Math.sqrt(dot(centred, centred) / x.length + norm.epsilon);
  return x.map(
    (_, i) => (centred[i] ?? 0) * factor * (norm.weight[i] ?? 0) + (norm.bias?.[i] ?? 0),
  );
}

/** Normalises each piece of `[pieces, weight's size]`. */
export function normalizePieces(norm: Norm, x: Float32Array): Float32Array {
  const size = norm.weight.length;
  const normed = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += size) {
    normed.set(normalize(norm, x.subarray(start, start + size)), start);
  }
  return normed;
}
