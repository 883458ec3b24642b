/** How far log-probabilities are from those expected; they count as equal within a number of nats. */
import { expect } from "vitest";

/** Fails unless the numbers are as many and each differs by less than `tolerance`. */
export function expectNear(
  actual: readonly (number | undefined)[] | undefined,
  expected: readonly number[],
  tolerance: number,
): void {
  expect(actual, "how many numbers").toHaveLength(expected.length);
  const differences = expected.map((value, index) => Math.abs((actual?.[index] ?? NaN) - value));
  expect(Math.max(0, ...differences), "largest difference").toBeLessThan(tolerance);
}
