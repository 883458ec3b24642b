import fc from "fast-check";
import { expect, test } from "vitest";
import {
  alphabetOf,
  fit,
  fitEnd,
  markedPrompt,
  pad,
  readable,
  visible,
  widthOf,
  wrap,
} from "./display-text.ts";

const alphabet = alphabetOf(true);

test("any text can be cut to any width, from either end, without cutting a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, width) => {
      const shown = visible(text, alphabet);
      expect(widthOf(fit(shown, width, alphabet))).toBeLessThanOrEqual(width);
      expect(widthOf(fitEnd(shown, width, alphabet))).toBeLessThanOrEqual(width);
      expect(widthOf(pad(fit(shown, width, alphabet), width))).toBe(width);
    }),
  );
});

test("wide characters count as two columns", () => {
  expect(fit("미국의 정치인", 8, alphabet)).toBe("미국의 …");
  expect(pad("미국", 6)).toBe("미국  ");
});

test("nothing that is shown can move the cursor or break the line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(visible(text, alphabet)).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    }),
  );
});

test("a leading space goes, spaces alone stay", () => {
  expect(readable(" the end ", alphabet)).toBe("the end ");
  expect(readable("  ", alphabet)).toBe("␣␣");
  expect(readable("\u00a0", alphabet)).toBe("\\u{a0}");
  expect(readable(" a\nb\t", alphabet)).toBe("a⏎b⇥");
});

test("a prompt shows the tokens in question, and what is far from them last", () => {
  const pieces = ["The", " capital", " of", " France", " is", " Paris"];
  const mark = (positions: readonly number[], width: number): string =>
    markedPrompt({ pieces, positions }, width, alphabet);
  expect(mark([3], 80)).toBe("The capital of[ France] is Paris");
  expect(mark([2, 3, 5], 80)).toBe("The capital[ of France] is[ Paris]");
  expect(mark([3], 20)).toBe("…al of[ France] is …");
  expect(mark([5], 20)).toBe("…f France is[ Paris]");
  expect(mark([], 80)).toBe("The capital of France is Paris");
});

test("text is wrapped between words", () => {
  expect(wrap("one two three", 7, " ")).toEqual(["one two", " three"]);
});
