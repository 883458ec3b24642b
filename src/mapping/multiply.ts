/** Products of matrices as fitting asks for them: an engine's where it has them, or these, in plain TypeScript. */

/** Row by row: `data` is `[rows, columns]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** left · right, one of them transposed first if wanted; row by row. */
export type Multiply = (
  left: Matrix,
  right: Matrix,
  transposed: "neither" | "left" | "right",
) => Promise<Float32Array>;

/** For engines that have nothing faster. */
export const multiplyPlainly: Multiply = async (left, right, transposed) => {
  const a = transposed === "left" ? transposedMatrix(left) : left;
  const b = transposed === "right" ? transposedMatrix(right) : right;
  const result = new Float32Array(a.rows * b.columns);
  const sums = new Float64Array(b.columns);
  for (let row = 0; row < a.rows; row++) {
    sums.fill(0);
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[row * a.columns + k] ?? 0;
      const start = k * b.columns;
      for (let j = 0; j < b.columns; j++) {
        sums[j] = (sums[j] ?? 0) + factor * (b.data[start + j] ?? 0);
      }
    }
    result.set(sums, row * b.columns);
  }
  return result;
};

function transposedMatrix({ rows, columns, data }: Matrix): Matrix {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = data[row * columns + column] ?? 0;
    }
  }
  return { rows: columns, columns: rows, data: turned };
}
