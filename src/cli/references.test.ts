import { describe, expect, test } from "vitest";
import { PatchscopesError } from "../errors.ts";
import {
  parseAmount,
  parseCount,
  parseFactors,
  parseLayers,
  parsePosition,
  parseTargetLayer,
  parseText,
  parseTokens,
  positionText,
} from "./references.ts";

/** The error that a wrong option gives. */
function refusal(parse: () => unknown): PatchscopesError {
  try {
    parse();
  } catch (error) {
    if (error instanceof PatchscopesError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("layers", () => {
  test.each([
    ["all", "all"],
    ["embedding", "embedding"],
    ["3", 3],
    ["-1", -1],
    ["0..10", { from: 0, to: 10, step: 1 }],
    ["0..28:4", { from: 0, to: 28, step: 4 }],
    ["2..-1:5", { from: 2, to: -1, step: 5 }],
    ["embedding,0..9:3", ["embedding", 0, 3, 6, 9]],
    ["5..-1", { from: 5, to: -1, step: 1 }],
    ["0,5, 10", [0, 5, 10]],
    ["embedding,0..2,-1", ["embedding", 0, 1, 2, -1]],
  ])("%s can be written", (text, layers) => {
    expect(parseLayers(text)).toEqual(layers);
  });

  test.each([
    "",
    "first",
    "3-5",
    "1.5",
    "0,,1",
    "0..",
    "all,3",
    "5..2,7",
    "0..-1,3",
    "0..99999999,1",
    "0..9:0",
    "0..9:-1",
  ])("%j is refused", (text) => {
    expect(refusal(() => parseLayers(text)).exitStatus).toBe(2);
  });

  test("of the target can be the source's", () => {
    expect(parseTargetLayer("same")).toBe("same");
    expect(refusal(() => parseTargetLayer("x")).message).toMatch(
      /^--target-layer: expected all, /u,
    );
  });
});

test.each([
  ["-1", -1],
  ["0,1,-1", [0, 1, -1]],
  ["all", "all"],
  ["Paris", { find: "Paris", occurrence: "first", token: "last" }],
  ["offset:17", { offset: 17 }],
  ["offset:-1", { offset: -1 }],
  ['"offset:1"', { find: "offset:1", occurrence: "first", token: "last" }],
  ['"2024"', { find: "2024", occurrence: "first", token: "last" }],
  ["1, two", { find: "1, two", occurrence: "first", token: "last" }],
])("the position %s is a number or a text", (text, position) => {
  expect(parsePosition(text)).toEqual(position);
  expect(parsePosition(positionText(parsePosition(text)) ?? "")).toEqual(position);
});

test("token ids are whole numbers", () => {
  expect(parseTokens("504, 3575")).toEqual([504, 3575]);
  expect(refusal(() => parseTokens("504,-1")).message).toBe(
    '--tokens: expected token ids such as 504,3575, got "504,-1".',
  );
});

test("counts begin at 1", () => {
  const parse = parseCount("--threads");
  expect(parse("4")).toBe(4);
  for (const text of ["0", "-1", "2.5", "many", "1e3", ""]) {
    expect(refusal(() => parse(text)).message).toContain("--threads: expected a whole number");
  }
});

test("factors are numbers with commas between them", () => {
  expect(parseFactors("0.5, 1,-2,1e2")).toEqual([0.5, 1, -2, 100]);
  for (const wrong of ["", "1,", "a", "1;2", "Infinity"]) {
    expect(refusal(() => parseFactors(wrong)).message).toContain("--factors");
  }
});

test("A text's line breaks, tabs and backslashes can be written as in programs", () => {
  expect(parseText(String.raw`.\n`, "--stop")).toBe(".\n");
  expect(parseText(String.raw`\t\\n`, "--stop")).toBe("\t\\n");
  expect(parseText(String.raw`\d`, "--stop")).toBe(String.raw`\d`);
  expect(() => parseText("", "--stop")).toThrow('--stop: expected a text, got "".');
});

test("amounts are numbers above 0", () => {
  expect(parseAmount("0.5", "--contrastive")).toBe(0.5);
  for (const text of ["0", "-1", "", "much", "Infinity"]) {
    expect(() => parseAmount(text, "--contrastive")).toThrow("expected a number above 0");
  }
});
