import { expect, test } from "vitest";
import { UNRELATED_SENTENCES, unrelatedSentences } from "./unrelated-sentences.ts";

test("The sentences are of the text's language", () => {
  expect(unrelatedSentences("Barack Obama")).toBe(UNRELATED_SENTENCES);
  expect(unrelatedSentences("")).toBe(UNRELATED_SENTENCES);
  expect(unrelatedSentences("The word 김치 is Korean")).toBe(UNRELATED_SENTENCES);
  const korean = unrelatedSentences("세종대왕");
  expect(korean).toHaveLength(UNRELATED_SENTENCES.length);
  expect(korean.every((sentence) => /^[\p{Script=Hangul} ]+$/u.test(sentence))).toBe(true);
  expect(unrelatedSentences("나는 K-pop을 좋아한다")).toBe(korean);
});
