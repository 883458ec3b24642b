/**
 * What a batch of state pairs leaves behind: sums in float64, whose size is that of the states' width squared, whatever
 * the number of pairs. The normal equations of every kind of map follow from them. States are counted from a point
 * near their mean, so that products in float32 are enough: a few numbers of a state are large and hardly change.
 */
import { addProduct } from "./linear-algebra.ts";
import type { FittedKind } from "../map-kinds.ts";
import type { Matrix, Multiply } from "./multiply.ts";

/** Pairs of states as rows: `x` is `[rows, in]`, `y` `[rows, out]`. */
export interface StatePairs {
  readonly rows: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** Means and covariances of pairs of states. */
export interface Covariances {
  readonly states: number;
  readonly meanX: Float64Array;
  readonly meanY: Float64Array;
  /** `[in]`: the variance of each number of x. */
  readonly varianceX: Float64Array;
  /** `[out]`: and of y. */
  readonly varianceY: Float64Array;
  /** `[min(in, out)]`: each number of x with the same one of y. */
  readonly diagonalXY: Float64Array;
  /** `[in, in]` and `[in, out]`; only of kinds that need them. */
  readonly xx: Float64Array | undefined;
  readonly xy: Float64Array | undefined;
}

/** The sums as they are kept, in a fixed order. */
export interface KeptMoments {
  readonly states: number;
  readonly sums: readonly Float64Array[];
}

export interface MomentsOptions {
  /** What makes products; plain TypeScript without it. */
  readonly multiply?: Multiply | undefined;
  /** Counts from the same point as these do, so that both can be added up. */
  readonly like?: Moments | undefined;
}

/** The names of the sums, in the order in which they are kept. */
const SUMS = [
  "fromX",
  "fromY",
  "x",
  "y",
  "squaresX",
  "squaresY",
  "productsXY",
  "xx",
  "xy",
] as const;
type Sums = Readonly<Record<(typeof SUMS)[number], Float64Array>>;

/** Adds up pairs of states of one source layer and one target layer. */
export class Moments {
  readonly #width: { readonly x: number; readonly y: number };
  readonly #multiply: Multiply | undefined;
  readonly #like: Moments | undefined;
  readonly #sums: Sums;
  #states = 0;

  constructor(
    kind: FittedKind,
    width: { readonly x: number; readonly y: number },
    { multiply, like }: MomentsOptions = {},
  ) {
    this.#width = width;
    this.#multiply = multiply;
    this.#like = like;
    const withXY = kind !== "scalar-affine";
    const withXX = withXY && kind !== "procrustes";
    const vector = (length: number): Float64Array => new Float64Array(length);
    this.#sums = {
      fromX: vector(width.x),
      fromY: vector(width.y),
      x: vector(width.x),
      y: vector(width.y),
      squaresX: vector(width.x),
      squaresY: vector(width.y),
      productsXY: vector(Math.min(width.x, width.y)),
      xx: vector(withXX ? width.x * width.x : 0),
      xy: vector(withXY ? width.x * width.y : 0),
    };
  }

  async add({ rows, x, y }: StatePairs): Promise<void> {
    const { x: m, y: n } = this.#width;
    if (this.#states === 0) this.#startFrom({ rows, x, y });
    const sums = this.#sums;
    const from = { x: Float32Array.from(sums.fromX), y: Float32Array.from(sums.fromY) };
    const left = x.map((value, i) => value - (from.x[i % m] ?? 0));
    const right = y.map((value, i) => value - (from.y[i % n] ?? 0));
    this.#states += rows;
    addColumns(sums.x, left, (value) => value);
    addColumns(sums.y, right, (value) => value);
    addColumns(sums.squaresX, left, (value) => value * value);
    addColumns(sums.squaresY, right, (value) => value * value);
    addDiagonal(sums.productsXY, { left, m }, { right, n });
    const pair = { rows, columns: m, data: left };
    await this.#addProduct(sums.xx, pair, pair);
    await this.#addProduct(sums.xy, pair, { rows, columns: n, data: right });
  }

  /** Takes over what others, which count from the same point, have added up. */
  join(other: Moments): void {
    this.#states += other.#states;
    for (const name of SUMS.slice(2)) addInto(this.#sums[name], other.#sums[name]);
  }

  /** All that {@link restore} needs; the arrays themselves. */
  kept(): KeptMoments {
    return { states: this.#states, sums: SUMS.map((name) => this.#sums[name]) };
  }

  /** Goes on from what was kept of sums of the same kind and widths. */
  restore({ states, sums }: KeptMoments): void {
    this.#states = states;
    for (const [index, name] of SUMS.entries()) this.#sums[name].set(sums[index] ?? []);
  }

  /** Frees nothing, changes nothing: sums may go on. */
  covariances(): Covariances {
    const states = this.#states;
    const sums = this.#sums;
    const means = { x: sums.x.map((sum) => sum / states), y: sums.y.map((sum) => sum / states) };
    const { x: width } = this.#width;
    return {
      states,
      meanX: means.x.map((mean, i) => mean + (sums.fromX[i] ?? 0)),
      meanY: means.y.map((mean, i) => mean + (sums.fromY[i] ?? 0)),
      varianceX: sums.squaresX.map((sum, i) => sum / states - (means.x[i] ?? 0) ** 2),
      varianceY: sums.squaresY.map((sum, i) => sum / states - (means.y[i] ?? 0) ** 2),
      diagonalXY: sums.productsXY.map(
        (sum, i) => sum / states - (means.x[i] ?? 0) * (means.y[i] ?? 0),
      ),
      xx:
        sums.xx.length === 0
          ? undefined
          : centred(mirrored(sums.xx, width), states, means.x, means.x),
      xy: sums.xy.length === 0 ? undefined : centred(sums.xy, states, means.x, means.y),
    };
  }

  /** Counts from the mean of the first pairs on, rounded to float32, or from where others do. */
  #startFrom({ rows, x, y }: StatePairs): void {
    const { fromX, fromY } = this.#sums;
    if (this.#like !== undefined) {
      fromX.set(this.#like.#sums.fromX);
      fromY.set(this.#like.#sums.fromY);
      return;
    }
    for (const [from, states] of [
      [fromX, x],
      [fromY, y],
    ] as const) {
      addColumns(from, states, (value) => value);
      for (const [i, sum] of from.entries()) from[i] = Math.fround(sum / rows);
    }
  }

  async #addProduct(sum: Float64Array, left: Matrix, right: Matrix): Promise<void> {
    if (sum.length === 0) return;
    if (this.#multiply !== undefined) {
      addInto(sum, await this.#multiply(left, right, "left"));
      return;
    }
    const a = Float64Array.from(left.data);
    const b = left === right ? a : Float64Array.from(right.data);
    addProduct(sum, a, b, { rows: left.rows, m: left.columns, n: right.columns });
  }
}

function addInto(sum: Float64Array, more: Float32Array | Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (more[i] ?? 0);
}

/** Adds what `of` makes of each number to the sum of its column. */
function addColumns(sums: Float64Array, rows: Float32Array, of: (value: number) => number): void {
  const width = sums.length;
  for (let start = 0; start < rows.length; start += width) {
    for (let i = 0; i < width; i++) sums[i] = (sums[i] ?? 0) + of(rows[start + i] ?? 0);
  }
}

function addDiagonal(
  sums: Float64Array,
  { left, m }: { readonly left: Float32Array; readonly m: number },
  { right, n }: { readonly right: Float32Array; readonly n: number },
): void {
  for (let row = 0; row * m < left.length; row++) {
    for (let i = 0; i < sums.length; i++) {
      sums[i] = (sums[i] ?? 0) + (left[row * m + i] ?? 0) * (right[row * n + i] ?? 0);
    }
  }
}

/** The upper triangle on both sides: plain products leave the lower one empty. */
function mirrored(upper: Float64Array, n: number): Float64Array {
  return upper.map((value, index) => {
    const [row, column] = [Math.floor(index / n), index % n];
    return column < row ? (upper[column * n + row] ?? 0) : value;
  });
}

function centred(
  sums: Float64Array,
  states: number,
  meanX: Float64Array,
  meanY: Float64Array,
): Float64Array {
  const width = meanY.length;
  return sums.map((sum, index) => {
    const row = Math.floor(index / width);
    return sum / states - (meanX[row] ?? 0) * (meanY[index - row * width] ?? 0);
  });
}
