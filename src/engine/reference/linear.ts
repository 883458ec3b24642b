/** Matrices and vectors of the reference engine: stored as float32, summed in float64. */

/** `y = weight · x + bias`; `weight` is `[outputs, inputs]`, row by row. */
export interface Linear {
  readonly outputs: number;
  readonly inputs: number;
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
}

/** Multiplies one vector `[inputs]` into `[outputs]`. */
export function multiply(linear: Linear, x: Float32Array): Float32Array {
  const y = new Float32Array(linear.outputs);
  for (let output = 0; output < linear.outputs; output += 1) {
    const row = linear.weight.subarray(output * linear.inputs, (output + 1) * linear.inputs);
    y[output] = dot(row, x) + (linear.bias?.[output] ?? 0);
  }
  return y;
}

/** Sums the products of two vectors of the same length. */
export function dot(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    sum += (a[i] ?? 0) * (b[i] ?? 0);
  }
  return sum;
}

/** Adds two sequences of vectors, position by position, into new ones. */
export function addSequences(
  a: readonly Float32Array[],
  b: readonly Float32Array[],
): Float32Array[] {
  return a.map((vector, position) => {
    const other = b[position];
    return vector.map((value, i) => value + (other?.[i] ?? 0));
  });
}

/** Cuts `[positions, size]` into copies of its vectors. */
export function toSequence(flat: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: flat.length / size }, (_, position) =>
    flat.slice(position * size, (position + 1) * size),
  );
}

/** Joins vectors into `[positions, size]`. */
export function toFlat(sequence: readonly Float32Array[]): Float32Array {
  const size = sequence[0]?.length ?? 0;
  const flat = new Float32Array(sequence.length * size);
  for (const [position, vector] of sequence.entries()) {
    flat.set(vector, position * size);
  }
  return flat;
}

/** Multiplies a vector by a number; the vector itself where that is 1. */
export function scaleVector(x: Float32Array, factor: number): Float32Array {
  return factor === 1 ? x : x.map((value) => value * factor);
}
