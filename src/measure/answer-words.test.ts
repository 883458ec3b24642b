import { describe, expect, test } from "vitest";
import { keyOf, phrasesOf } from "./answer-words.ts";

describe("phrases of a read-out", () => {
  test("are words and neighbours, and weigh less the later they come", () => {
    const phrases = phrasesOf(" is the city of Buenos Aires, Argentina.\n\nThe answer");
    const weightOf = (text: string): number =>
      phrases.find((phrase) => phrase.text === text)?.weight ?? 0;
    expect(weightOf("Buenos Aires")).toBeGreaterThan(weightOf("Argentina"));
    expect(weightOf("Aires Argentina")).toBe(0);
    expect(weightOf("of")).toBe(0);
  });

  test("count little behind the end of a sentence", () => {
    const phrases = phrasesOf(" Rome. Naples");
    expect(phrases.find(({ text }) => text === "Naples")?.weight).toBeLessThan(0.5);
  });

  test("have special tokens and broken characters as ends", () => {
    expect(phrasesOf(" fish<|im_end|>\ufffd").map(({ text }) => text)).toEqual(["fish"]);
  });

  test.each([
    ["pesos", "peso"],
    ["Japan's", "japan"],
    ["berries", "berry"],
    ["bus", "bus"],
    ["glass", "glass"],
    ["유럽에", "유럽"],
    ["아시아이다", "아시아"],
    ["유로", "유로"],
    ["인도", "인도"],
  ])("take %s as %s", (word, key) => {
    expect(keyOf(word)).toBe(key);
  });

  test("lose what Korean attaches to a word", () => {
    expect(phrasesOf(" 유럽에 있는 나라")[0]?.text).toBe("유럽");
  });
});
