/**
 * Eigenvectors of a symmetric matrix in float64: Householder's tridiagonal form, then QL with implicit shifts (Bowdler,
 * Martin, Reinsch and Wilkinson, Numerische Mathematik 11, 1968). Eigenvectors are rows, so that every loop runs along one.
 */

/** What a symmetric matrix does: it stretches each vector by its value. */
export interface Eigen {
  /** `[n]`, largest first. */
  readonly values: Float64Array;
  /** `[n, n]`: row k has length 1 and belongs to value k. */
  readonly vectors: Float64Array;
}

// Smaller numbers have fewer digits.
const SMALLEST = 1e-300;

/** The eigenvectors of a symmetric `matrix` `[n, n]`. */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const v = matrix.slice();
  const d = new Float64Array(n);
  const e = new Float64Array(n);
  tridiagonalise(v, d, e);
  accumulate(v, d);
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  const size = d.reduce((most, own, i) => Math.max(most, Math.abs(own) + Math.abs(e[i] ?? 0)), 0);
  const nothing = Math.max(Number.EPSILON * size, SMALLEST);
  for (let l = 0; l < n; l++) isolateValue({ v, d, e, l }, nothing);
  const order = Uint32Array.from(d.keys()).sort((a, b) => (d[b] ?? 0) - (d[a] ?? 0));
  const vectors = new Float64Array(n * n);
  for (const [to, from] of order.entries()) {
    vectors.set(v.subarray(from * n, (from + 1) * n), to * n);
  }
  return { values: Float64Array.from(order, (index) => d[index] ?? 0), vectors };
}

/** Leaves the reflections in v, their sizes in d, and what stands beside the diagonal in e. */
function tridiagonalise(v: Float64Array, d: Float64Array, e: Float64Array): void {
  const n = d.length;
  for (let j = 0; j < n; j++) d[j] = v[j * n + n - 1] ?? 0;
  for (let i = n - 1; i > 0; i--) {
    let scale = 0;
    for (let k = 0; k < i; k++) scale += Math.abs(d[k] ?? 0);
    if (scale === 0) {
      e[i] = d[i - 1] ?? 0;
      for (let j = 0; j < i; j++) {
        d[j] = v[j * n + i - 1] ?? 0;
        v[j * n + i] = 0;
        v[i * n + j] = 0;
      }
      d[i] = 0;
    } else {
      d[i] = reflect({ v, d, e, i, scale });
    }
  }
}

interface Reflection {
  readonly v: Float64Array;
  readonly d: Float64Array;
  readonly e: Float64Array;
  readonly i: number;
  readonly scale: number;
}

/** Brings row i to zero but for two numbers; gives the size of the reflection. */
function reflect({ v, d, e, i, scale }: Reflection): number {
  const n = d.length;
  let h = 0;
  for (let k = 0; k < i; k++) {
    d[k] = (d[k] ?? 0) / scale;
    h += (d[k] ?? 0) ** 2;
  }
  const last = d[i - 1] ?? 0;
  const root = last > 0 ? -Math.sqrt(h) : Math.sqrt(h);
  e[i] = scale * root;
  h -= last * root;
  d[i - 1] = last - root;
  e.fill(0, 0, i);
  for (let j = 0; j < i; j++) {
    const f = d[j] ?? 0;
    v[i * n + j] = f;
    let g = (e[j] ?? 0) + (v[j * n + j] ?? 0) * f;
    for (let k = j + 1; k < i; k++) {
      g += (v[j * n + k] ?? 0) * (d[k] ?? 0);
      e[k] = (e[k] ?? 0) + (v[j * n + k] ?? 0) * f;
    }
    e[j] = g;
  }
  let sum = 0;
  for (let j = 0; j < i; j++) {
    e[j] = (e[j] ?? 0) / h;
    sum += (e[j] ?? 0) * (d[j] ?? 0);
  }
  for (let j = 0; j < i; j++) e[j] = (e[j] ?? 0) - (sum / (h + h)) * (d[j] ?? 0);
  for (let j = 0; j < i; j++) {
    const [f, g] = [d[j] ?? 0, e[j] ?? 0];
    for (let k = j; k < i; k++) {
      v[j * n + k] = (v[j * n + k] ?? 0) - f * (e[k] ?? 0) - g * (d[k] ?? 0);
    }
    d[j] = v[j * n + i - 1] ?? 0;
    v[j * n + i] = 0;
  }
  return h;
}

/** Turns the reflections into the rows of an orthogonal matrix, and d into the diagonal. */
function accumulate(v: Float64Array, d: Float64Array): void {
  const n = d.length;
  for (let i = 0; i < n - 1; i++) {
    v[i * n + n - 1] = v[i * n + i] ?? 0;
    v[i * n + i] = 1;
    const h = d[i + 1] ?? 0;
    const next = (i + 1) * n;
    if (h !== 0) {
      for (let k = 0; k <= i; k++) d[k] = (v[next + k] ?? 0) / h;
      for (let j = 0; j <= i; j++) {
        let g = 0;
        for (let k = 0; k <= i; k++) g += (v[next + k] ?? 0) * (v[j * n + k] ?? 0);
        for (let k = 0; k <= i; k++) v[j * n + k] = (v[j * n + k] ?? 0) - g * (d[k] ?? 0);
      }
    }
    v.fill(0, next, next + i + 1);
  }
  for (let j = 0; j < n; j++) {
    d[j] = v[j * n + n - 1] ?? 0;
    v[j * n + n - 1] = 0;
  }
  v[n * n - 1] = 1;
}

interface Rotation {
  readonly v: Float64Array;
  readonly d: Float64Array;
  readonly e: Float64Array;
  /** The first value that is not found yet. */
  readonly l: number;
}

// Three steps a value are usual.
const MAX_STEPS = 60;

/** Turns until what stands beside value l is nothing to the matrix's rounding. */
function isolateValue({ v, d, e, l }: Rotation, nothing: number): void {
  const n = d.length;
  for (let step = 0; step < MAX_STEPS; step++) {
    let m = l;
    while (m < n - 1 && Math.abs(e[m] ?? 0) > nothing) m += 1;
    if (m === l) return;
    const beside = e[l] ?? 0;
    const half = ((d[l + 1] ?? 0) - (d[l] ?? 0)) / (2 * beside);
    const radius = Math.hypot(half, 1);
    const shift = beside / (half + (half >= 0 ? radius : -radius));
    sweep({ v, d, e, l }, m, (d[m] ?? 0) - (d[l] ?? 0) + shift);
  }
}

/** One QL step on the block from l to m, with its turns made on the rows of v. */
function sweep({ v, d, e, l }: Rotation, m: number, first: number): void {
  const n = d.length;
  let [g, s, c, p] = [first, 1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * (e[i] ?? 0);
    const b = c * (e[i] ?? 0);
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] = (d[i + 1] ?? 0) - p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = (d[i + 1] ?? 0) - p;
    const t = ((d[i] ?? 0) - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    const [low, high] = [i * n, (i + 1) * n];
    for (let k = 0; k < n; k++) {
      const [x, y] = [v[low + k] ?? 0, v[high + k] ?? 0];
      v[high + k] = s * x + c * y;
      v[low + k] = c * x - s * y;
    }
  }
  d[l] = (d[l] ?? 0) - p;
  e[l] = g;
  e[m] = 0;
}
