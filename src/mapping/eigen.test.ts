import fc from "fast-check";
import { expect, test } from "vitest";
import { symmetricEigen } from "./eigen.ts";

const matrices = fc.integer({ min: 1, max: 12 }).chain((n) =>
  fc
    .array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: n * n, maxLength: n * n })
    .map((numbers) => {
      const matrix = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          matrix[i * n + j] = (numbers[i * n + j] ?? 0) + (numbers[j * n + i] ?? 0);
        }
      }
      return { n, matrix };
    }),
);

test("Eigenvectors are orthonormal, in descending order, and make the matrix again", () => {
  fc.assert(
    fc.property(matrices, ({ n, matrix }) => {
      const { values, vectors } = symmetricEigen(matrix, n);
      expect([...values]).toEqual([...values].sort((a, b) => b - a));
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let [dot, again] = [0, 0];
          for (let k = 0; k < n; k++) {
            dot += (vectors[i * n + k] ?? NaN) * (vectors[j * n + k] ?? NaN);
            again += (values[k] ?? NaN) * (vectors[k * n + i] ?? NaN) * (vectors[k * n + j] ?? NaN);
          }
          expect(Math.abs(dot - (i === j ? 1 : 0))).toBeLessThan(1e-10);
          expect(Math.abs(again - (matrix[i * n + j] ?? NaN))).toBeLessThan(1e-9);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("A matrix of zeros and one of equal values are no trouble", () => {
  expect([...symmetricEigen(new Float64Array(9), 3).values]).toEqual([0, 0, 0]);
  expect([...symmetricEigen(Float64Array.of(2, 0, 0, 2), 2).values]).toEqual([2, 2]);
});
