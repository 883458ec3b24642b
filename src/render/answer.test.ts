import { describe, expect, test } from "vitest";
import type { AskResult } from "../result/answer.ts";
import { answerText } from "./answer.ts";

const YEN = {
  answer: "yen",
  score: 0.49,
  share: 0.7,
  contrastShare: 0.01,
  saidBy: [0],
  evidence: 7.3,
};
const RESULT: AskResult = {
  version: 1,
  question: {
    name: "currency",
    asks: "the money of a country",
    wordings: [{ text: "The currency of x", weight: 1, unpatched: " is" }],
  },
  source: { tokens: [1, 2], pieces: ["in", " Japan"], positions: [1] },
  models: [],
  contrast: ["in Peru"],
  threshold: 0.3,
  answer: YEN,
  ranked: [YEN],
  readOuts: [
    {
      wording: 0,
      source: { layer: 6, position: 1 },
      target: { layer: 0, position: 3 },
      tokens: [5],
      text: " is the yen",
      logprobs: [-1],
      evidence: 7.3,
    },
  ],
  engine: { name: "reference", device: "cpu", version: "1" },
  timing: { loadMs: 0, runMs: 0 },
};
const PLAIN = { width: 100, colour: false, unicode: true };

describe("an answer on the screen", () => {
  test("says the answer first, and what it rests on", () => {
    const lines = answerText(RESULT, PLAIN).split("\n");
    expect(lines[2]).toBe("yen   score 0.49, said by 1 read-outs, evidence 7.3 nats");
    expect(lines.join("\n")).toContain("6>0       7.3  The currency of x |is the yen");
    expect(lines.every((line) => line.length <= 100)).toBe(true);
  });

  test("says that there is none where nothing stands out", () => {
    const { answer: _, ...none } = RESULT;
    expect(answerText({ ...none, ranked: [{ ...YEN, score: 0.1 }] }, PLAIN)).toContain(
      "no answer\nNothing stands out: the best score is 0.10, and answers begin at 0.30.",
    );
  });

  test("says that there is none where the prompts say it anyway", () => {
    const { answer: _, ...none } = RESULT;
    expect(answerText({ ...none, ranked: [{ ...YEN, evidence: 1 }] }, PLAIN)).toContain(
      'Most read-outs say "yen", and the prompts say it without the vector, too.',
    );
  });
});
