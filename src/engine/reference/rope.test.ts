import { expect, test } from "vitest";
import { rotate } from "./rope.ts";

const heads = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8); // two heads of 4
const at = (position: number) => ({ headSize: 4, position, length: position + 1 });

test("number i of a head's first half turns with number i of its second half", () => {
  const rope = { inverseFrequencies: Float64Array.of(Math.PI / 2, 0), attentionFactor: 1 };
  const turned = Array.from(rotate(heads, rope, at(1)), (value) => Math.round(value));
  expect(turned).toEqual([-3, 2, 1, 4, -7, 6, 5, 8]);
});

test("the angle grows with the position; at position 0 nothing turns", () => {
  const rope = { inverseFrequencies: Float64Array.of(Math.PI / 2, 0), attentionFactor: 1 };
  expect(rotate(heads, rope, at(0))).toEqual(heads);
  const turned = Array.from(rotate(heads, rope, at(2)), (value) => Math.round(value));
  expect(turned).toEqual([-1, 2, -3, 4, -5, 6, -7, 8]);
});

test("the attention factor scales what is turned", () => {
  const rope = { inverseFrequencies: Float64Array.of(0, 0), attentionFactor: 2 };
  expect(rotate(heads, rope, at(5))).toEqual(heads.map((value) => 2 * value));
});

test("what is behind the turned part of a head stays as it is", () => {
  const rope = { inverseFrequencies: Float64Array.of(Math.PI), attentionFactor: 1 };
  const turned = Array.from(rotate(heads, rope, at(1)), (value) => Math.round(value));
  expect(turned).toEqual([-1, -2, 3, 4, -5, -6, 7, 8]);
});

test("passes that reach beyond a length turn by other angles", () => {
  const beyond = { length: 2, inverseFrequencies: Float64Array.of(Math.PI, Math.PI) };
  const rope = { inverseFrequencies: Float64Array.of(0, 0), attentionFactor: 1, beyond };
  expect(rotate(heads, rope, { headSize: 4, position: 1, length: 2 })).toEqual(heads);
  const turned = rotate(heads, rope, { headSize: 4, position: 1, length: 3 });
  expect(Array.from(turned, (value) => Math.round(value))).toEqual([
    -1, -2, -3, -4, -5, -6, -7, -8,
  ]);
});
