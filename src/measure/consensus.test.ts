import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CONSENSUS_THRESHOLD,
  consensusOf,
  evidenceBehind,
  standsOut,
  type ConsensusReadOut,
  type ConsensusSource,
} from "./consensus.ts";
import { EVIDENCE_THRESHOLD } from "./evidence.ts";

describe("consensus", () => {
  test("takes what the read-outs agree on and other sources do not say", () => {
    const [best] = consensusOf({
      source: said("Japan", " is the yen.", " the yen, and the", " is the euro."),
      contrast: [
        said("France", " is the euro.", " the euro, and the"),
        said("Peru", " is the sol."),
      ],
    });
    expect(best).toMatchObject({ answer: "yen", saidBy: [0, 1] });
    expect(best?.share).toBeGreaterThan(best?.contrastShare ?? 1);
  });

  test("scores what every source says as nothing", () => {
    const all = [said("Japan", " a place"), said("France", " a place"), said("Peru", " a place")];
    const [best] = consensusOf({ source: said("Spain", " a place"), contrast: all });
    expect(best?.score).toBeCloseTo(0);
  });

  test("prefers a phrase to its words", () => {
    const [best] = consensusOf({
      source: said("Argentina", " Buenos Aires.", " Buenos Aires, the"),
      contrast: [said("Peru", " Lima.")],
    });
    expect(best?.answer).toBe("Buenos Aires");
  });

  test("has no source's own name as an answer by itself, and counts words like it as the same in all", () => {
    const ranked = consensusOf({
      source: said("Poland", " the Polish złoty", " Poland"),
      contrast: [said("France", " the French franc", " France")],
    });
    expect(ranked[0]?.answer).toContain("złoty");
    expect(ranked.map(({ answer }) => answer)).not.toContain("Polish");
  });

  test("keeps names where they may be the answer", () => {
    const [best] = consensusOf({
      source: said(undefined, " Polish.", " Polish and"),
      contrast: [said(undefined, " French.")],
    });
    expect(best?.answer).toBe("Polish");
  });

  test("lets the first token's probability decide where the texts are the same", () => {
    const unsure = (piece: string): ConsensusReadOut => ({
      text: " the red, the blue",
      next: [{ piece, logprob: Math.log(0.6) }],
      weight: 1,
    });
    const [best] = consensusOf({
      source: { readOuts: [unsure(" blue")] },
      contrast: [{ readOuts: [unsure(" red")] }],
    });
    expect(best?.answer).toBe("blue");
  });

  test("lets a wording count as much as it weighs", () => {
    const light = { text: " one", next: [], weight: 0.1 };
    const heavy = { text: " lira", next: [], weight: 0.9 };
    const [best] = consensusOf({ source: { readOuts: [light, light, heavy] }, contrast: [] });
    expect(best?.answer).toBe("lira");
  });

  test("gives shares from 0 to 1, and the best first, whatever is said", () => {
    const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(texts, texts, (own, other) => {
        const ranked = consensusOf({ source: said("x", ...own), contrast: [said("y", ...other)] });
        for (const [index, { share, contrastShare, score }] of ranked.entries()) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
          expect(contrastShare).toBeLessThanOrEqual(1);
          expect(Number.isFinite(score)).toBe(true);
          expect(ranked[index]?.saidBy.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

function said(name: string | undefined, ...texts: readonly string[]): ConsensusSource {
  return { name, readOuts: texts.map((text) => ({ text, next: [], weight: 1 })) };
}

test("The evidence behind an answer is the median of the read-outs that say it", () => {
  const readOuts = [{ evidence: 1 }, { evidence: 9 }, { evidence: 4 }, {}, { evidence: 6 }];
  expect(evidenceBehind({ saidBy: [0, 1, 2] }, readOuts)).toBe(4);
  expect(evidenceBehind({ saidBy: [1, 2, 3] }, readOuts)).toBe(6.5);
  expect(evidenceBehind({ saidBy: [3] }, readOuts)).toBeUndefined();
  expect(evidenceBehind({ saidBy: [] }, readOuts)).toBeUndefined();
});

test("An answer stands out by its score and by evidence that the prompt does not say it anyway", () => {
  expect(standsOut({ score: CONSENSUS_THRESHOLD, evidence: EVIDENCE_THRESHOLD })).toBe(true);
  expect(standsOut({ score: CONSENSUS_THRESHOLD - 0.01, evidence: 10 })).toBe(false);
  expect(standsOut({ score: 1, evidence: EVIDENCE_THRESHOLD - 0.01 })).toBe(false);
  // Where nothing was measured.
  expect(standsOut({ score: 1 })).toBe(true);
});
