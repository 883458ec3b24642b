import { describe, expect, test } from "vitest";
import { wordingSpec } from "../../run/ask.ts";
import { layersAt } from "./question.ts";
import { domainOf, QUESTIONS, questionNamed } from "./questions.ts";

describe("the table of questions", () => {
  test("has at least 12 in English and 6 in Korean, each name once", () => {
    const count = (language: string): number =>
      QUESTIONS.filter((question) => question.language === language).length;
    expect(count("en")).toBeGreaterThanOrEqual(12);
    expect(count("ko")).toBeGreaterThanOrEqual(6);
    expect(new Set(QUESTIONS.map(({ name }) => name)).size).toBe(QUESTIONS.length);
  });

  test.each(QUESTIONS)("asks $name with one placeholder in every wording", (question) => {
    expect(question.wordings.length).toBeGreaterThanOrEqual(2);
    for (const { text, weight } of question.wordings) {
      expect(wordingSpec(text, { model: "m", controls: [] }).target).toMatchObject({
        prompt: text,
      });
      expect(weight).toBeGreaterThan(0);
      expect(weight).toBeLessThanOrEqual(1);
    }
    expect(domainOf(question).frame.endsWith("{}")).toBe(true);
  });

  test("has nobody guess a name", () => {
    expect(() => questionNamed("currancy")).toThrow(/there is no question "currancy"/u);
    expect(questionNamed("currency").asks).toBe("the money of a country");
  });

  test("puts depths on layers that there are", () => {
    const pairs = [
      { source: 0.2, target: 0 },
      { source: 1, target: 0.1 },
    ];
    expect(layersAt(pairs, 30)).toEqual([
      { source: 6, target: 0 },
      { source: 29, target: 3 },
    ]);
  });
});
