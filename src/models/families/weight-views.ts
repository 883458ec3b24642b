/**
 * Weights that are not in a file as engines take them: some rows of a tensor, rows in another order, a transposed
 * matrix, numbers plus a constant. Views of rows stay stored as they are; the others become float32.
 */
import type { WeightTensor } from "../../engine/architecture.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";

/** `count` rows from row `from` on. */
export interface RowRun {
  readonly from: number;
  readonly count: number;
}

/** Runs of a tensor's rows as a tensor of their own. */
export function rowsOf(tensor: StoredTensor, runs: readonly RowRun[]): StoredTensor {
  const [rows = 1, ...rest] = tensor.shape;
  const rowBytes = tensor.byteLength / rows;
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  return {
    ...tensor,
    shape: [count, ...rest],
    byteLength: count * rowBytes,
    read: async (start, into) => {
      const end = start + into.length;
      let at = 0;
      for (const run of runs) {
        const bytes = run.count * rowBytes;
        const from = Math.max(start, at);
        const to = Math.min(end, at + bytes);
        if (from < to) {
          const source = run.from * rowBytes + (from - at);
          await tensor.read(source, into.subarray(from - start, to - start));
        }
        at += bytes;
      }
    },
  };
}

/** Joins runs that follow each other, so that they are read at once. */
export function joinRuns(runs: readonly RowRun[]): readonly RowRun[] {
  const joined: RowRun[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (last !== undefined && last.from + last.count === run.from) {
      joined[joined.length - 1] = { from: last.from, count: last.count + run.count };
    } else {
      joined.push(run);
    }
  }
  return joined;
}

/**
 * The rows of `heads` heads in which the pair (2i, 2i + 1) of the first `rotarySize` becomes (i, i + rotarySize / 2);
 * what is behind them stays.
 */
export function deinterleavedRuns(
  rows: number,
  heads: number,
  rotarySize: number,
): readonly RowRun[] {
  const headSize = rows / heads;
  const half = rotarySize / 2;
  return Array.from({ length: heads }, (_, head) => {
    const start = head * headSize;
    const even = Array.from({ length: half }, (_, i) => ({ from: start + 2 * i, count: 1 }));
    const odd = even.map(({ from }) => ({ from: from + 1, count: 1 }));
    const rest = { from: start + rotarySize, count: headSize - rotarySize };
    return [...even, ...odd, rest];
  }).flat();
}

/** Columns of a matrix that is stored `[inputs, outputs]`, as `[outputs, inputs]`. */
export function transposedColumns(matrix: WeightTensor, columns: RowRun): WeightTensor {
  const [inputs = 0, width = 0] = matrix.shape;
  const shape = [columns.count, inputs];
  return derived(shape, async (out, offset) => {
    const stored = await numbersOf(matrix);
    for (let input = 0; input < inputs; input++) {
      const start = input * width + columns.from;
      for (let output = 0; output < columns.count; output++) {
        out[offset + output * inputs + input] = stored[start + output] ?? 0;
      }
    }
  });
}

/** A tensor's numbers plus a constant. */
export function plusConstant(tensor: WeightTensor, constant: number): WeightTensor {
  return derived(tensor.shape, async (out, offset) => {
    const numbers = await numbersOf(tensor);
    for (const [i, value] of numbers.entries()) out[offset + i] = value + constant;
  });
}

async function numbersOf(tensor: WeightTensor): Promise<Float32Array> {
  const numbers = new Float32Array(sizeOf(tensor.shape));
  await tensor.dequantize(numbers);
  return numbers;
}

/** A float32 tensor whose numbers `fill` writes. */
function derived(
  shape: readonly number[],
  fill: (out: Float32Array, offset: number) => Promise<void>,
): WeightTensor {
  const all = async (): Promise<Float32Array> => {
    const numbers = new Float32Array(sizeOf(shape));
    await fill(numbers, 0);
    return numbers;
  };
  return {
    type: "F32",
    shape,
    bytes: async () => new Uint8Array((await all()).buffer),
    dequantize: (out, offset = 0) => fill(out, offset),
    rowReader: async () => {
      const numbers = await all();
      const width = numbers.length / (shape[0] ?? 1);
      return (row, out, offset) => {
        out.set(numbers.subarray(row * width, (row + 1) * width), offset);
      };
    },
  };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}
