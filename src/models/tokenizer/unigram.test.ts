import fc from "fast-check";
import { expect, test } from "vitest";

import { bestPieces } from "./unigram.ts";

/** All ways to write the word, with unknown letters alone. */
function ways(word: string, entries: readonly string[]): readonly (readonly string[])[] {
  if (word === "") return [[]];
  const fitting = entries.filter((entry) => word.startsWith(entry));
  const [letter = ""] = word;
  const first = fitting.includes(letter) ? fitting : [...fitting, letter];
  return first.flatMap((one) =>
    ways(word.slice(one.length), entries).map((rest) => [one, ...rest]),
  );
}

test("the pieces have the largest sum of scores of all ways to write the word", () => {
  const entries = fc.uniqueArray(fc.stringMatching(/^[abc]{1,3}$/), { minLength: 1, maxLength: 8 });
  const scores = fc.array(fc.integer({ min: -40, max: -1 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(entries, scores, fc.stringMatching(/^[abc]{0,9}$/), (pieces, all, word) => {
      const scoreOf = new Map(pieces.map((piece, i) => [piece, all[i] ?? 0]));
      const unknown = Math.min(...scoreOf.values()) - 10;
      const sum = (way: readonly string[]): number =>
        way.reduce((total, piece) => total + (scoreOf.get(piece) ?? unknown), 0);
      const best = bestPieces(pieces, [...scoreOf.values()])(word);
      expect(best.join("")).toBe(word);
      expect(sum(best)).toBe(Math.max(...ways(word, pieces).map(sum)));
    }),
  );
});

test("a character outside the vocabulary stays whole", () => {
  expect(bestPieces(["a"], [-1])("a😀a")).toEqual(["a", "😀", "a"]);
});
