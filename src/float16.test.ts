import { expect, test } from "vitest";

import { halfBits, halfTable } from "./float16.ts";

/** What a half-precision bit pattern means, by the definition. */
function halfValue(half: number): number {
  const sign = half >>> 15 === 1 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test("all 65,536 halves have the value that their definition gives", () => {
  const wrong = [...halfTable()].flatMap((value, half) =>
    Object.is(value, halfValue(half)) ? [] : [half],
  );
  expect(wrong).toEqual([]);
});

test("a NaN keeps its payload", () => {
  expect(halfBits(0x7e01)).toBe(0x7fc02000);
});
