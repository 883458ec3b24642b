/**
 * The functions f of a Patchscope: what a source's hidden state becomes before it is written (arXiv 2401.06102,
 * section 3.1). Pure; which states are mapped is the run's business, and learning f from states that of `solve-map.ts`.
 */

/** f, applied to every vector, the controls' too. */
export type Mapping =
  | { readonly kind: "identity" }
  /** Times a number. */
  | { readonly kind: "scale"; readonly factor: number }
  /** Scaled to this Euclidean length; a vector of zeros stays as it is. */
  | { readonly kind: "normalise"; readonly norm: number }
  /** What a map makes of the vector scaled to length 1. */
  | { readonly kind: "of-unit"; readonly map: FittedMap }
  | FittedMap;

/** f with numbers learned from states. */
export type FittedMap =
  /** W x + b: `weight` is `[out, in]`, `bias` `[out]`. */
  | { readonly kind: "affine"; readonly weight: Float32Array; readonly bias: Float32Array }
  /** s R x + b with orthogonal R, `[out, in]`: turned or mirrored, never stretched in one direction more than in another. */
  | {
      readonly kind: "procrustes";
      readonly rotation: Float32Array;
      readonly scale: number;
      readonly bias: Float32Array;
    }
  /** a x + b, number by number: `factor` is `[1]` or `[out]`, `bias` `[out]`. */
  | { readonly kind: "scalar-affine"; readonly factor: Float32Array; readonly bias: Float32Array }
  | LowRankMap
  | MlpMap;

/** s x + U (V x) + b: `up` is U, `[out, rank]`, `down` V, `[rank, in]`; s is 0 between different widths. */
export interface LowRankMap {
  readonly kind: "low-rank";
  readonly scale: number;
  readonly up: Float32Array;
  readonly down: Float32Array;
  readonly bias: Float32Array;
}

/** W x + b + O silu(I x + c): an affine map, and a hidden layer for what it cannot say. */
export interface MlpMap {
  readonly kind: "mlp";
  /** `[out, in]` */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  /** `[hidden, in]` */
  readonly inner: Float32Array;
  /** `[hidden]` */
  readonly innerBias: Float32Array;
  /** `[out, hidden]` */
  readonly outer: Float32Array;
}

/** f(vector): `[in]` → `[out]`, in float64 and rounded once. */
export function mapped(mapping: Mapping, vector: Float32Array): Float32Array {
  switch (mapping.kind) {
    case "identity":
      return vector;
    case "scale":
      return vector.map((value) => value * mapping.factor);
    case "normalise": {
      const length = normOf(vector);
      return length === 0 ? vector : vector.map((value) => (value / length) * mapping.norm);
    }
    case "of-unit": {
      const length = normOf(vector);
      return mapped(mapping.map, length === 0 ? vector : vector.map((value) => value / length));
    }
    case "affine":
      return product(mapping.weight, vector, 1, mapping.bias);
    case "procrustes":
      return product(mapping.rotation, vector, mapping.scale, mapping.bias);
    case "scalar-affine": {
      const { factor, bias } = mapping;
      const one = factor.length === 1;
      return bias.map((add, index) => (factor[one ? 0 : index] ?? 0) * (vector[index] ?? 0) + add);
    }
    case "low-rank":
      return lowRank(mapping, vector);
    case "mlp": {
      const { weight, bias, inner, innerBias, outer } = mapping;
      const active = product(inner, vector, 1, innerBias).map(silu);
      return product(outer, active, 1, product(weight, vector, 1, bias));
    }
  }
}

function lowRank({ scale, up, down, bias }: LowRankMap, vector: Float32Array): Float32Array {
  const inner = product(down, vector, 1, new Float32Array(down.length / vector.length));
  const turned = product(up, inner, 1, bias);
  return scale === 0 ? turned : turned.map((value, i) => value + scale * (vector[i] ?? 0));
}

/** x times its logistic function: the activation of hidden layers. */
export function silu(value: number): number {
  return value / (1 + Math.exp(-value));
}

/** Euclidean length. */
export function normOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

/** scale · matrix · vector + bias; `matrix` is `[out, in]`. */
function product(
  matrix: Float32Array,
  vector: Float32Array,
  scale: number,
  bias: Float32Array,
): Float32Array {
  const width = vector.length;
  return bias.map((add, row) => {
    let sum = 0;
    for (let column = 0; column < width; column++) {
      sum += (matrix[row * width + column] ?? 0) * (vector[column] ?? 0);
    }
    return scale * sum + add;
  });
}
