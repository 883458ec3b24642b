import fc from "fast-check";
import { expect, test } from "vitest";
import { differenceOf, interpolated, meanOf, projected } from "./vector-algebra.ts";

const WIDTH = 5;
const number = fc.integer({ min: -8, max: 8 }).map((value) => value / 4);
const vector = fc
  .array(number, { minLength: WIDTH, maxLength: WIDTH })
  .map((numbers) => Float32Array.from(numbers));
const some = fc.array(vector, { minLength: 1, maxLength: WIDTH + 1 });

function expectClose(got: Float32Array, expected: ArrayLike<number>): void {
  for (const [index, value] of got.entries()) {
    expect(Math.abs(value - (expected[index] ?? NaN))).toBeLessThan(1e-4);
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

test("A vector is the sum of what it has in a space and of what it has outside, which stands upright on it", () => {
  fc.assert(
    fc.property(vector, some, (given, onto) => {
      const inside = projected(given, onto, false);
      const outside = projected(given, onto, true);
      expectClose(
        inside.map((value, index) => value + (outside[index] ?? 0)),
        given,
      );
      for (const direction of onto) expect(Math.abs(dot(outside, direction))).toBeLessThan(1e-4);
      expectClose(projected(inside, onto, false), inside);
    }),
  );
});

test("A vector of the space is in it whole, and one more that says nothing new changes nothing", () => {
  fc.assert(
    fc.property(vector, some, number, (given, onto, factor) => {
      const again = onto.map((each) => each.map((value) => value * factor));
      expectClose(projected(given, [...onto, ...again], false), projected(given, onto, false));
      const [first] = onto;
      if (first !== undefined) expectClose(projected(first, onto, false), first);
    }),
  );
});

test("Means, differences and interpolations agree with each other", () => {
  fc.assert(
    fc.property(vector, some, (given, others) => {
      const mean = meanOf(others);
      expectClose(differenceOf(given, others), differenceOf(given, [mean]));
      expectClose(interpolated(given, mean, 1), mean);
      expectClose(interpolated(given, mean, 0), given);
      expectClose(meanOf([given, mean]), interpolated(given, mean, 0.5));
    }),
  );
});
