import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { cutWords, SpecialSplitter, type CutStep } from "./pre-tokenize.ts";

function words(text: string, steps: readonly CutStep[]): readonly string[] {
  return cutWords({ text, start: 0, special: false }, steps).map((word) => word.text);
}

const SMOLLM: readonly CutStep[] = ["digits", "gpt2-words"];

describe("words", () => {
  test.each<[string, readonly string[]]>([
    ["Hello world", ["Hello", " world"]],
    ["we'll, they'd", ["we", "'ll", ",", " they", "'d"]],
    ["a  b", ["a", " ", " b"]],
    ["a \n", ["a", " \n"]],
    ["x=1234", ["x", "=", "1", "2", "3", "4"]],
    ["a 12", ["a", " ", "1", "2"]],
    ["ℝ², ½", ["ℝ", "²", ",", " ", "½"]],
    ["숨은 상태", ["숨은", " 상태"]],
  ])("%j is cut into %j", (text, expected) => {
    expect(words(text, SMOLLM)).toEqual(expected);
  });

  test("without a step for digits, numbers stay together", () => {
    expect(words("in 1984", ["gpt2-words"])).toEqual(["in", " 1984"]);
  });

  test("white space is Unicode's: a next-line character is, a byte-order mark is not", () => {
    expect(words("a\u0085b", SMOLLM)).toEqual(["a", "\u0085", "b"]);
    expect(words("a \ufeffb", SMOLLM)).toEqual(["a", " \ufeff", "b"]);
  });

  test("nothing of a text is lost, whatever it is, and each word knows where it stands", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(9), (text, start) => {
        const pieces = cutWords({ text, start, special: false }, SMOLLM);
        expect(pieces.map((piece) => piece.text).join("")).toBe(text);
        for (const piece of pieces) {
          const at = piece.start - start;
          expect(text.slice(at, at + piece.text.length)).toBe(piece.text);
        }
      }),
    );
  });
});

describe("special tokens in a text", () => {
  const splitter = new SpecialSplitter(["<a>", "<a>b", "<end>", ""]);
  const split = (text: string): readonly string[] =>
    splitter.split(text).map((one) => (one.special ? `[${one.text}]` : one.text));

  test.each<[string, readonly string[]]>([
    ["", []],
    ["plain <text", ["plain <text"]],
    ["<a>x<end>", ["[<a>]", "x", "[<end>]"]],
    ["<a>b", ["[<a>b]"]],
    ["<a><a>", ["[<a>]", "[<a>]"]],
    ["<<a>", ["<", "[<a>]"]],
  ])("%j is split into %j: the leftmost, then the longest", (text, expected) => {
    expect(split(text)).toEqual(expected);
  });
});
