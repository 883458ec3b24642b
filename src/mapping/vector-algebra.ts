/** Sums, differences and projections of hidden states, `[hidden]`: the steps of a mapping that use other vectors. In float64, rounded once. */

/** The mean of some vectors of one width. */
export function meanOf(vectors: readonly Float32Array[]): Float32Array {
  return Float32Array.from(vectors[0] ?? [], (_, index) => meanAt(vectors, index));
}

/** A vector less the mean of others. */
export function differenceOf(vector: Float32Array, others: readonly Float32Array[]): Float32Array {
  return vector.map((value, index) => value - meanAt(others, index));
}

/** (1 - amount) of a vector, and amount of another. */
export function interpolated(
  vector: Float32Array,
  other: Float32Array,
  amount: number,
): Float32Array {
  return vector.map((value, index) => (1 - amount) * value + amount * (other[index] ?? 0));
}

/** What of a vector lies in the space that others span, or with `remove` what does not. */
export function projected(
  vector: Float32Array,
  onto: readonly Float32Array[],
  remove: boolean,
): Float32Array {
  const inside = new Float64Array(vector.length);
  for (const direction of basisOf(onto)) {
    const length = dot(vector, direction);
    for (const [index, value] of direction.entries())
      inside[index] = (inside[index] ?? 0) + length * value;
  }
  return Float32Array.from(vector, (value, index) => {
    const part = inside[index] ?? 0;
    return remove ? value - part : part;
  });
}

// What is left of a vector that lies in the space of those before it: rounding of float32 numbers.
const DEPENDENT = 1e-6;

/** Orthonormal vectors that span the same space, by Gram and Schmidt, twice over for precision. */
function basisOf(vectors: readonly Float32Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of vectors) {
    const left = Float64Array.from(vector);
    for (const direction of [...basis, ...basis]) {
      const length = dot(left, direction);
      for (const [index, value] of direction.entries())
        left[index] = (left[index] ?? 0) - length * value;
    }
    const length = Math.sqrt(dot(left, left));
    if (length <= DEPENDENT * Math.sqrt(dot(vector, vector))) continue;
    basis.push(left.map((value) => value / length));
  }
  return basis;
}

function meanAt(vectors: readonly Float32Array[], index: number): number {
  return vectors.reduce((sum, vector) => sum + (vector[index] ?? 0), 0) / vectors.length;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
