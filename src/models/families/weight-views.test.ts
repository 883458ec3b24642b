import { describe, expect, test } from "vitest";

import { memorySource } from "../weights/byte-source.ts";
import { bytesOf, tensorAt, type StoredTensor } from "../weights/checkpoint.ts";
import { storedWeight } from "../weights/stored-weight.ts";
import {
  deinterleavedRuns,
  joinRuns,
  plusConstant,
  rowsOf,
  transposedColumns,
} from "./weight-views.ts";

/** `[rows, 2]` with the numbers 0, 1, 2, … */
function counting(rows: number): StoredTensor {
  const numbers = Float32Array.from({ length: 2 * rows }, (_, i) => i);
  const source = memorySource("m", new Uint8Array(numbers.buffer));
  return tensorAt(source, 0, { name: "w", type: "F32", shape: [rows, 2], byteLength: 8 * rows });
}

async function numbersOf(tensor: StoredTensor): Promise<number[]> {
  return [...new Float32Array((await bytesOf(tensor)).buffer)];
}

describe("rows of a tensor", () => {
  const runs = [
    { from: 3, count: 1 },
    { from: 0, count: 2 },
  ];

  test("stand in the order of the runs", async () => {
    const view = rowsOf(counting(5), runs);
    expect(view.shape).toEqual([3, 2]);
    expect(await numbersOf(view)).toEqual([6, 7, 0, 1, 2, 3]);
  });

  test("can be read from the middle", async () => {
    const bytes = new Uint8Array(8);
    await rowsOf(counting(5), runs).read(4, bytes);
    expect([...new Float32Array(bytes.buffer)]).toEqual([7, 0]);
  });

  test("that follow each other are one run", () => {
    const single = [4, 5, 1].map((from) => ({ from, count: 1 }));
    expect(joinRuns(single)).toEqual([
      { from: 4, count: 2 },
      { from: 1, count: 1 },
    ]);
  });
});

test("neighbouring pairs of the turned part come to its halves, the rest of each head stays", () => {
  const rows = deinterleavedRuns(12, 2, 4).flatMap(({ from, count }) =>
    Array.from({ length: count }, (_, i) => from + i),
  );
  expect(rows).toEqual([0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]);
});

test("columns of a matrix with its inputs first become rows", async () => {
  const matrix = storedWeight(counting(3), "F32");
  const column = transposedColumns(matrix, { from: 1, count: 1 });
  const out = new Float32Array(4);
  await column.dequantize(out, 1);
  expect(column.shape).toEqual([1, 3]);
  expect([...out]).toEqual([0, 1, 3, 5]);
  expect([...new Float32Array((await column.bytes()).slice().buffer)]).toEqual([1, 3, 5]);
});

test("a constant is added to every number, row by row too", async () => {
  const weight = plusConstant(storedWeight(counting(2), "F32"), 1);
  const out = new Float32Array(2);
  (await weight.rowReader())(1, out, 0);
  expect([...out]).toEqual([3, 4]);
});
