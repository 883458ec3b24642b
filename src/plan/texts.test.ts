import { describe, expect, test } from "vitest";
import {
  firstTokenOf,
  lastTokenOf,
  occurrenceOf,
  startsOf,
  tokenWithEnd,
  writtenBy,
} from "./texts.ts";

describe("A text in another one", () => {
  test("is found wherever it begins, in itself too", () => {
    expect(startsOf("aa", "aaa b aa")).toEqual([0, 1, 6]);
    expect(startsOf("x", "aaa")).toEqual([]);
  });

  test.each([
    ["first", 3],
    ["last", 9],
    [1, 3],
    [2, 9],
    [3, undefined],
  ] as const)("occurrence %s begins at %s", (occurrence, start) => {
    expect(occurrenceOf([3, 9], occurrence)).toBe(start);
  });

  test("has no occurrence where it does not stand", () => {
    expect([occurrenceOf([], "first"), occurrenceOf([], "last")]).toEqual([undefined, undefined]);
  });
});

test("Pieces write their text one behind the other", () => {
  expect(writtenBy(["The", "", " end"])).toEqual({
    text: "The end",
    offsets: [
      [0, 3],
      [3, 3],
      [3, 7],
    ],
  });
});

describe("Tokens", () => {
  // An added token, and two that hold parts of one character.
  const offsets = [
    [0, 0],
    [0, 3],
    [3, 7],
    [7, 8],
    [7, 8],
  ] as const;

  test("hold a span when they hold a part of it, and not when they touch it", () => {
    expect(firstTokenOf([0, 3], offsets)).toBe(1);
    expect(lastTokenOf([0, 3], offsets)).toBe(1);
    expect(firstTokenOf([2, 8], offsets)).toBe(1);
    expect(lastTokenOf([2, 8], offsets)).toBe(4);
  });

  test("hold an end when they hold the character before it", () => {
    expect([3, 5, 8].map((end) => tokenWithEnd(end, offsets))).toEqual([1, 2, 4]);
  });

  test("hold nothing of what is behind them", () => {
    expect(firstTokenOf([8, 9], offsets)).toBe(-1);
    expect(lastTokenOf([8, 9], offsets)).toBe(-1);
    expect(tokenWithEnd(9, offsets)).toBe(-1);
  });
});
