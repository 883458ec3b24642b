import fc from "fast-check";
import { expect, test } from "vitest";
import type { WeightTensor } from "../engine/architecture.ts";
import { nearestRows } from "./neighbours.ts";

const WIDTH = 3;

/** A matrix whose rows are read alone, or one after the other from all of them. */
function matrixOf(numbers: Float32Array, isByRows: boolean): WeightTensor {
  const matrix: WeightTensor = {
    type: "F32",
    shape: [numbers.length / WIDTH, WIDTH],
    bytes: async () => new Uint8Array(numbers.slice().buffer),
    dequantize: async (out, offset = 0) => {
      out.set(numbers, offset);
    },
    rowReader: async () => (row, out, offset) => {
      out.set(numbers.subarray(row * WIDTH, (row + 1) * WIDTH), offset);
    },
  };
  if (!isByRows) return matrix;
  return {
    ...matrix,
    rows: async (from, count, out) => {
      out.set(numbers.subarray(from * WIDTH, (from + count) * WIDTH));
    },
  };
}

test("The nearest rows are those that sorting all of them gives, equal ones in order", async () => {
  const number = fc.integer({ min: -3, max: 3 });
  const vector = fc.tuple(number, number, number);
  await fc.assert(
    fc.asyncProperty(
      fc.array(vector, { minLength: 1, maxLength: 40 }),
      fc.array(vector, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      async (rows, vectors, topK, isByRows) => {
        const matrix = matrixOf(Float32Array.from(rows.flat()), isByRows);
        const found = await nearestRows(
          vectors.map((each) => Float32Array.from(each)),
          matrix,
          { topK },
        );
        for (const [index, each] of vectors.entries()) {
          const norm = (of: readonly number[]): number =>
            Math.sqrt(of.reduce((s, x) => s + x * x, 0));
          const all = rows.map((row, token) => {
            const dot = row.reduce((sum, value, at) => sum + value * (each[at] ?? 0), 0);
            const norms = norm(row) * norm(each);
            return { token, cosine: norms === 0 ? 0 : dot / norms, dot };
          });
          const expected = all
            .toSorted((a, b) => b.cosine - a.cosine || a.token - b.token)
            .slice(0, topK);
          expect(found[index]).toEqual(expected);
        }
      },
    ),
  );
});

test("A matrix that is larger than a piece is read in pieces, and how far is said", async () => {
  const count = 2 ** 20;
  const shares: number[] = [];
  const sizes: number[] = [];
  const matrix: WeightTensor = {
    ...matrixOf(new Float32Array(WIDTH), true),
    shape: [count, WIDTH],
    rows: async (from, rows, out) => {
      sizes.push(out.length);
      for (let row = 0; row < rows; row++)
        out.set([from + row === count - 1 ? 1 : 0, 1, 0], row * WIDTH);
    },
  };
  const options = { topK: 1, onRows: (share: number) => shares.push(share) };
  const [found] = await nearestRows([Float32Array.from([1, 0, 0])], matrix, options);
  expect(found?.[0]?.token).toBe(count - 1);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 20);
  expect(shares.at(-1)).toBe(1);
  expect(shares.length).toBeGreaterThan(1);
});

test("The search stops where the signal says so", async () => {
  const search = nearestRows([new Float32Array(WIDTH)], matrixOf(new Float32Array(WIDTH), true), {
    topK: 1,
    signal: AbortSignal.abort(),
  });
  await expect(search).rejects.toMatchObject({ code: "aborted" });
});
