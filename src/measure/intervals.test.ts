import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootstrapRate, wilson } from "./intervals.ts";

describe("Wilson's interval", () => {
  test("is the one of the textbooks", () => {
    // By statsmodels: proportion_confint(8, 10, method="wilson").
    const { low, high } = wilson(8, 10);
    expect(low).toBeCloseTo(0.49016, 4);
    expect(high).toBeCloseTo(0.94331, 4);
  });

  test("holds the rate, and lies between 0 and 1", () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), (a, b) => {
        const { rate, low, high } = wilson(Math.min(a, b), Math.max(a, b));
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(rate).toBeGreaterThanOrEqual(low - 1e-12);
        expect(rate).toBeLessThanOrEqual(high + 1e-12);
      }),
    );
  });

  test("is everything without trials", () => {
    expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 });
  });
});

describe("the bootstrap", () => {
  test("is as wide as Wilson's where groups are single trials", () => {
    const groups = Array.from({ length: 200 }, (_, index) => ({
      hits: index % 4 === 0 ? 1 : 0,
      trials: 1,
    }));
    const ours = bootstrapRate(groups);
    const { low, high } = wilson(50, 200);
    expect(ours.rate).toBe(0.25);
    expect(ours.low).toBeCloseTo(low, 1);
    expect(ours.high).toBeCloseTo(high, 1);
  });

  test("is wider where trials come in groups that agree", () => {
    const single = Array.from({ length: 100 }, (_, index) => ({ hits: index % 2, trials: 1 }));
    const grouped = Array.from({ length: 10 }, (_, index) => ({
      hits: 10 * (index % 2),
      trials: 10,
    }));
    const width = ({ low, high }: { low: number; high: number }): number => high - low;
    expect(width(bootstrapRate(grouped))).toBeGreaterThan(2 * width(bootstrapRate(single)));
  });

  test("is the same again with the same seed", () => {
    const groups = [
      { hits: 1, trials: 3 },
      { hits: 3, trials: 3 },
    ];
    expect(bootstrapRate(groups, 7)).toEqual(bootstrapRate(groups, 7));
  });
});
