import fc from "fast-check";
import { expect, test } from "vitest";

import { BytePairEncoder, idsOf, rankByMerges, rankByScores } from "./byte-pair-encoder.ts";

/** The definition: again and again the best-ranked pair, the leftmost of equals. */
function mergeSlowly(symbols: readonly string[], merges: readonly string[]): readonly string[] {
  const parts = [...symbols];
  for (;;) {
    let best = -1;
    let bestRank = Infinity;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = merges.lastIndexOf(`${parts[i]} ${parts[i + 1]}`);
      if (rank >= 0 && rank < bestRank) [best, bestRank] = [i, rank];
    }
    if (best < 0) return parts;
    parts.splice(best, 2, `${parts[best]}${parts[best + 1]}`);
  }
}

const whole = (merge: string): string => merge.replace(" ", "");
const parts = { takesWholeWords: false };

test("merges are those of the definition, whatever the merges and the word", () => {
  const piece = fc.stringMatching(/^[abc]{1,3}$/);
  const merge = fc.tuple(piece, piece).map(([left, right]) => `${left} ${right}`);
  const word = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 24 });
  fc.assert(
    fc.property(fc.uniqueArray(merge, { maxLength: 20 }), word, (merges, symbols) => {
      const encoder = new BytePairEncoder(
        idsOf(["a", "b", "c", ...merges.map(whole)]),
        rankByMerges(merges),
        parts,
      );
      expect(encoder.encode(symbols)).toEqual(mergeSlowly(symbols, merges));
    }),
    { numRuns: 500 },
  );
});

test("of equal pairs the leftmost is merged first", () => {
  const encoder = new BytePairEncoder(idsOf(["a", "aa"]), rankByMerges(["a a"]), parts);
  expect(encoder.encode(["a", "a", "a"])).toEqual(["aa", "a"]);
});

test("a merge whose result is no entry is not made", () => {
  const encoder = new BytePairEncoder(idsOf(["a", "b"]), rankByMerges(["a b"]), parts);
  expect(encoder.encode(["a", "b"])).toEqual(["a", "b"]);
});

test("a word that is an entry is kept whole only where the vocabulary says so", () => {
  const entries = ["a", "b", "ab"];
  expect(new BytePairEncoder(idsOf(entries), rankByMerges([]), parts).encode(["a", "b"])).toEqual([
    "a",
    "b",
  ]);
  expect(
    new BytePairEncoder(idsOf(entries), rankByMerges([]), { takesWholeWords: true }).encode([
      "a",
      "b",
    ]),
  ).toEqual(["ab"]);
});

test("a word of 100,000 symbols is merged without a quadratic wait", () => {
  const merges = ["a a", "aa aa", "aaaa aaaa"];
  const encoder = new BytePairEncoder(
    idsOf(["a", ...merges.map(whole)]),
    rankByMerges(merges),
    parts,
  );
  const symbols = new Array<string>(100_000).fill("a");
  expect(encoder.encode(symbols)).toHaveLength(12_500);
});

test("by scores the best result is made first, and of equals the one with the longer left part", () => {
  const join = (entries: readonly string[], scores: readonly number[], word: string) => {
    const ids = idsOf(entries);
    const rank = rankByScores(ids, Float64Array.from(scores));
    return new BytePairEncoder(ids, rank, parts).encode(Array.from(word));
  };
  expect(join(["a", "b", "c", "ab", "bc"], [-9, -9, -9, -2, -1], "abc")).toEqual(["a", "bc"]);
  expect(join(["a", "b", "c", "ab", "bc"], [-9, -9, -9, -1, -1], "abc")).toEqual(["ab", "c"]);
  expect(join(["a", "b", "ab", "ba", "aba"], [-9, -9, -1, -1, -5], "ababa")).toEqual(["ab", "aba"]);
  expect(join(["a", "b", "ab"], [-9, -9], "ab")).toEqual(["a", "b"]);
});
