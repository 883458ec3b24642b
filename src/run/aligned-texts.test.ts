import { expect, test } from "vitest";
import type { PromptTokenizer } from "../plan/encode-prompt.ts";
import { alignedTexts } from "./aligned-texts.ts";

/** Cuts a text by a pattern; `bos` stands before it. */
function tokenizer(pattern: RegExp, bos: boolean): Pick<PromptTokenizer, "encode"> {
  return {
    encode: (text) => {
      const found = [...text.matchAll(pattern)];
      const offsets = found.map(({ 0: piece, index }) => [index, index + piece.length] as const);
      const all = bos ? [[0, 0] as const, ...offsets] : offsets;
      return { tokens: all.map((_, index) => index), offsets: all };
    },
  };
}

const words = tokenizer(/ ?\S+/gu, false);
const syllables = tokenizer(/ ?[^ ]{1,3}/gu, true);

test("Tokens that end at the same character are pairs, and first tokens none", () => {
  const [text] = alignedTexts("one three six", words, syllables);
  // The first word is the source's first token; "three" ends where " thr" and "ee" do.
  expect(text?.pairs).toEqual([
    [1, 3],
    [2, 4],
  ]);
  expect(text?.length).toBe(5);
});

test("Long texts are cut to pieces that go on where the last one ended", () => {
  const long = Array.from({ length: 300 }, (_, index) => `w${index}`).join(" ");
  const pieces = alignedTexts(long, words, words);
  expect(pieces.map(({ source }) => source.length)).toEqual([128, 128, 44]);
  expect(pieces.map(({ pairs }) => pairs.length)).toEqual([127, 127, 43]);
});

test("A text that has no pair is left out", () => {
  expect(alignedTexts("one", words, syllables)).toEqual([]);
});
