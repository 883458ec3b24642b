/**
 * Means and covariances of state pairs → the map of least squared error, in closed form: affine by the normal equations
 * with a ridge, of low rank by reduced-rank regression (Izenman 1975), orthogonal by Procrustes (Schönemann 1966), number
 * by number by simple regression. What is trained starts from what is solved here.
 */
import { symmetricEigen } from "./eigen.ts";
import { addProduct, polarFactor, solvePositive } from "./linear-algebra.ts";
import type { FittedKind } from "../map-kinds.ts";
import type { FittedMap } from "./mapping.ts";
import type { Covariances } from "./moments.ts";

export interface SolveOptions {
  /** Pulls weights towards zero, in parts of the variance of each of the source's numbers. */
  readonly ridge: number;
  /** Of maps of low rank. */
  readonly rank?: number | undefined;
}

/** The map of a kind that is nearest to the pairs, affine for an MLP; `undefined` where they do not determine it. */
export function solveMap(
  kind: FittedKind,
  covariances: Covariances,
  { ridge, rank = DEFAULT_RANK }: SolveOptions,
): FittedMap | undefined {
  switch (kind) {
    case "affine":
    case "mlp":
      return affine(covariances, ridge);
    case "low-rank":
      return lowRank(covariances, ridge, rank);
    case "procrustes":
      return procrustes(covariances);
    case "scalar-affine":
      return scalarAffine(covariances);
  }
}

/** As many directions as an adapter has that reads a state of a model with 576 to 4096 numbers well. */
export const DEFAULT_RANK = 64;

function affine(of: Covariances, ridge: number): FittedMap | undefined {
  const solved = regression(of, of.xy, ridge);
  if (solved === undefined) return undefined;
  const weight = transposed(solved, of.meanX.length, of.meanY.length);
  return { kind: "affine", weight: Float32Array.from(weight), bias: biasOf(of, weight) };
}

/**
 * A multiple of the state itself, and for what that leaves the matrix of this rank which leaves least of it: the whole
 * regression, projected on the directions in which it moves most.
 */
function lowRank(of: Covariances, ridge: number, rank: number): FittedMap | undefined {
  const [n, m] = [of.meanX.length, of.meanY.length];
  if (of.xx === undefined || of.xy === undefined) return undefined;
  const scale = n === m ? total(of.diagonalXY) / total(of.varianceX) : 0;
  const left = of.xy.map((value, i) => value - scale * (n === m ? (of.xx?.[i] ?? 0) : 0));
  const solved = regression(of, left, ridge);
  if (solved === undefined) return undefined;
  const moved = new Float64Array(m * m);
  addProduct(moved, left, solved, { rows: n, m, n: m });
  const { vectors } = symmetricEigen(symmetric(moved, m), m);
  const most = Math.min(rank, n, m);
  const directions = vectors.subarray(0, most * m);
  const down = new Float64Array(most * n);
  addProduct(down, transposed(directions, most, m), transposed(solved, n, m), {
    rows: m,
    m: most,
    n,
  });
  const bias = of.meanY.map((mean, i) => mean - scale * (n === m ? (of.meanX[i] ?? 0) : 0));
  const inner = timesVector(down, of.meanX);
  const up = transposed(directions, most, m);
  const moves = timesVector(up, inner);
  return {
    kind: "low-rank",
    scale,
    up: Float32Array.from(up),
    down: Float32Array.from(down),
    bias: Float32Array.from(bias, (value, i) => value - (moves[i] ?? 0)),
  };
}

/** The weights `[in, out]` that make `xy` of x with least squared error, and a ridge. */
function regression(
  { xx, ...of }: Covariances,
  xy: Float64Array | undefined,
  ridge: number,
): Float64Array | undefined {
  if (xx === undefined || xy === undefined) return undefined;
  const [n, m] = [of.meanX.length, of.meanY.length];
  const a = xx.slice();
  const b = xy.slice();
  // In each number's own measure: a few numbers of a state are often hundreds of times as large as the others.
  for (let i = 0; i < n; i++) {
    a[i * n + i] = (a[i * n + i] ?? 0) + ridge * (of.varianceX[i] ?? 0);
  }
  // A number that never changes weighs nothing: what it explains is in the bias.
  for (let i = 0; i < n; i++) if (isConstant(of, i)) isolate(a, b, { i, n, m });
  return solvePositive(a, b, { n, m }) ? b : undefined;
}

function procrustes({ xy, ...of }: Covariances): FittedMap | undefined {
  const n = of.meanX.length;
  if (xy === undefined || of.meanY.length !== n) return undefined;
  const yx = transposed(xy, n, n);
  const rotation = polarFactor(yx, n);
  if (rotation === undefined) return undefined;
  const fitted = rotation.reduce((sum, value, index) => sum + value * (yx[index] ?? 0), 0);
  const scale = fitted / total(of.varianceX);
  return {
    kind: "procrustes",
    rotation: Float32Array.from(rotation),
    scale,
    bias: biasOf(
      of,
      rotation.map((value) => value * scale),
    ),
  };
}

function scalarAffine(of: Covariances): FittedMap | undefined {
  if (of.meanX.length !== of.meanY.length || of.states === 0) return undefined;
  const factor = of.varianceX.map((variance, i) =>
    isConstant(of, i) ? 0 : (of.diagonalXY[i] ?? 0) / variance,
  );
  const bias = of.meanY.map((mean, i) => mean - (factor[i] ?? 0) * (of.meanX[i] ?? 0));
  return {
    kind: "scalar-affine",
    factor: Float32Array.from(factor),
    bias: Float32Array.from(bias),
  };
}

type Means = Pick<Covariances, "meanX" | "meanY" | "varianceX">;

/** Whether a number of x is the same in all states, but for the rounding of its mean. */
function isConstant({ meanX, varianceX }: Means, i: number): boolean {
  return (varianceX[i] ?? 0) <= 1e-14 * (meanX[i] ?? 0) ** 2;
}

/** Takes row and column i out of the equations. */
function isolate(
  a: Float64Array,
  b: Float64Array,
  { i, n, m }: { readonly i: number; readonly n: number; readonly m: number },
): void {
  for (let k = 0; k < n; k++) {
    a[i * n + k] = 0;
    a[k * n + i] = 0;
  }
  a[i * n + i] = 1;
  b.fill(0, i * m, (i + 1) * m);
}

/** What brings the mean of x to the mean of y; `weight` is `[out, in]`. */
function biasOf({ meanX, meanY }: Means, weight: Float64Array): Float32Array {
  const n = meanX.length;
  return Float32Array.from(meanY, (mean, row) =>
    meanX.reduce((left, value, k) => left - value * (weight[row * n + k] ?? 0), mean),
  );
}

function transposed(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j] ?? 0;
  }
  return result;
}

/** The mean of a matrix and its transpose: what rounding left of a symmetric one. */
function symmetric(matrix: Float64Array, n: number): Float64Array {
  const other = transposed(matrix, n, n);
  return matrix.map((value, i) => (value + (other[i] ?? 0)) / 2);
}

function timesVector(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length;
  return Float64Array.from({ length: matrix.length / n }, (_, row) =>
    vector.reduce((sum, value, k) => sum + value * (matrix[row * n + k] ?? 0), 0),
  );
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
