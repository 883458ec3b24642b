import { expect, test } from "vitest";
import { wordTokenizer } from "../../tests/support/word-model.ts";
import { subjectTexts } from "./subject-texts.ts";

const tokenizer = wordTokenizer();

test("Braces are left out of the tokens, and the subject ends at its last one", () => {
  const [text] = subjectTexts(["The capital of {South Korea} is"], tokenizer);
  expect(text?.tokens).toEqual(tokenizer.encode("The capital of South Korea is").tokens);
  const { tokens } = tokenizer.encode("The capital of South Korea");
  expect(text?.subject).toBe(tokens.length - 1);
});

test("A space at the end of the braces belongs to what follows", () => {
  const [inside, outside] = subjectTexts(["See {Korea }now", "See {Korea} now"], tokenizer);
  expect(inside).toEqual(outside);
});

test.each(["No subject", "{France} and {Japan}", "Open {France", "{ } is empty", "{} is empty"])(
  "%j is refused",
  (text) => {
    expect(() => subjectTexts([text], tokenizer)).toThrow("should have one subject in braces");
  },
);
