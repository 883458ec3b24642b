/** How far numbers are from those expected, in parts of the largest expected magnitude. */
import { expect } from "vitest";

/** The largest difference of two arrays over the largest magnitude of the expected one; infinite where one is not a number. */
export function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let magnitude = 0;
  for (const [i, value] of expected.entries()) {
    const distance = Math.abs((actual[i] ?? NaN) - value);
    difference = Math.max(difference, Number.isNaN(distance) ? Infinity : distance);
    magnitude = Math.max(magnitude, Math.abs(value));
  }
  return difference === 0 ? 0 : difference / magnitude;
}

/** Fails unless both arrays have the same size and differ by less than `tolerance` of the largest magnitude. */
export function expectClose(
  actual: Float32Array | undefined,
  expected: Float32Array | undefined,
  tolerance: number,
): void {
  expect(actual?.length, "size").toBe(expected?.length);
  if (actual !== undefined && expected !== undefined) {
    expect(relativeDifference(actual, expected), "relative difference").toBeLessThan(tolerance);
  }
}
