import { describe, expect, test } from "vitest";
import { ENGLISH_DOMAINS, KOREAN_DOMAINS } from "../spec/questions/domains.ts";
import { domainOf, QUESTIONS } from "../spec/questions/questions.ts";
import { isRight, names } from "./is-right.ts";
import { ENGLISH_SUBJECTS } from "./subjects/english.ts";
import { KOREAN_SUBJECTS } from "./subjects/korean.ts";

const ALL = { ...ENGLISH_SUBJECTS, ...KOREAN_SUBJECTS };

describe("subjects", () => {
  test.each(Object.entries(ALL))("of %s are at least 30 and 30, each once", (_, subjects) => {
    const { development, test: held } = subjects;
    expect(development.length).toBeGreaterThanOrEqual(30);
    expect(held.length).toBeGreaterThanOrEqual(30);
    const called = [...development, ...held].map(({ name }) => name);
    expect(new Set(called).size).toBe(called.length);
  });

  test.each(QUESTIONS)("have an answer to $name", (question) => {
    const subjects = ALL[question.domain];
    expect(subjects).toBeDefined();
    for (const subject of [...(subjects?.development ?? []), ...(subjects?.test ?? [])]) {
      expect(subject.answers[question.name]?.every((answer) => answer.length > 0)).toBe(true);
    }
  });

  test.each(QUESTIONS)("of the contrast set of $name are no test subjects", (question) => {
    const held = ALL[question.domain]?.test.map(({ name }) => name) ?? [];
    expect(domainOf(question).contrast.filter((name) => held.includes(name))).toEqual([]);
    expect(domainOf(question).contrast.length).toBeGreaterThanOrEqual(12);
  });

  test("have the domains that there are", () => {
    expect(Object.keys(ENGLISH_SUBJECTS)).toEqual(Object.keys(ENGLISH_DOMAINS));
    expect(Object.keys(KOREAN_SUBJECTS)).toEqual(Object.keys(KOREAN_DOMAINS));
  });
});

describe("an answer", () => {
  test.each([
    ["Japanese yen", "yen", true],
    ["pesos", "peso", true],
    ["European", "euro", false],
    ["Buenos", "Buenos Aires", true],
    ["Aires", "Buenos Aires", false],
    ["도쿄이다", "도쿄", true],
    ["South Africa", "South America", false],
  ])("%s for %s: %s", (answer, form, right) => {
    expect(isRight(answer, [form])).toBe(right);
  });

  test("is named where its words are in a text", () => {
    expect(names(" is the city of Mexico City.", ["Mexico City"])).toBe(true);
    expect(names(" is the City of Mexico.", ["Mexico City"])).toBe(false);
  });
});
