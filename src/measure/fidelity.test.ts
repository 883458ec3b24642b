import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { commonLength, cosine, divergence, furthest, shareOf } from "./fidelity.ts";

const logits = fc
  .array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 30 })
  .map((numbers) => Float32Array.from(numbers));

describe("divergence", () => {
  test("is that of the definition", () => {
    const p = Float32Array.of(Math.log(0.5), Math.log(0.25), Math.log(0.25));
    const q = Float32Array.of(Math.log(0.25), Math.log(0.5), Math.log(0.25));
    expect(divergence(p, q)).toBeCloseTo(0.5 * Math.log(2) + 0.25 * Math.log(0.5), 6);
  });

  test("is zero for the same distribution, whatever is added to all logits, and never negative", () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: -30, max: 30 }), (p, added) => {
        expect(divergence(p, p)).toBe(0);
        const moved = divergence(
          p,
          p.map((value) => value + added),
        );
        expect(moved).toBeGreaterThanOrEqual(0);
        expect(moved).toBeLessThan(1e-5);
      }),
    );
  });

  test("says so when a logit is not a number", () => {
    expect(divergence(Float32Array.of(0, 1), Float32Array.of(0, NaN))).toBeNaN();
  });
});

describe("furthest", () => {
  test("is the largest difference of a probability, whatever is added to all logits", () => {
    const p = Float32Array.of(Math.log(0.5), Math.log(0.25), Math.log(0.25));
    const q = Float32Array.of(Math.log(0.2) + 3, Math.log(0.3) + 3, Math.log(0.5) + 3);
    expect(furthest(p, q)).toBeCloseTo(0.3, 6);
    expect(furthest(p, p)).toBe(0);
    expect(furthest(p, Float32Array.of(0, NaN, 0))).toBeNaN();
  });
});

describe("shareOf", () => {
  test("has Wilson's interval", () => {
    const share = shareOf(8, 10);
    expect(share.low).toBeCloseTo(0.4902, 4);
    expect(share.high).toBeCloseTo(0.9433, 4);
  });

  test("leaves room below one hundred percent, and everything open without trials", () => {
    expect(shareOf(100, 100)).toMatchObject({ high: 1 });
    expect(shareOf(100, 100).low).toBeCloseTo(0.963, 3);
    expect(shareOf(0, 0)).toEqual({ count: 0, of: 0, low: 0, high: 1 });
  });
});

test("the cosine is 1 for the same direction, 0 for a right angle and for a state that is gone", () => {
  expect(cosine(Float32Array.of(1, 2), Float32Array.of(2, 4))).toBeCloseTo(1, 12);
  expect(cosine(Float32Array.of(1, 0), Float32Array.of(0, 3))).toBe(0);
  expect(cosine(Float32Array.of(1, 0), Float32Array.of(0, 0))).toBe(0);
  expect(cosine(Float32Array.of(0, 0), Float32Array.of(0, 0))).toBe(1);
});

test("texts are the same up to their first difference", () => {
  expect(commonLength([1, 2, 3], [1, 2, 4])).toBe(2);
  expect(commonLength([1, 2, 3], [1, 2, 3])).toBe(3);
  expect(commonLength([1, 2, 3], [1, 2])).toBe(2);
  expect(commonLength([5], [6])).toBe(0);
});
