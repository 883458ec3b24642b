/**
 * The plainest rule of consensus, to measure the one of `consensus.ts` against: a word's score is its share of this
 * source's read-outs less its share of the other sources'; the source's own name left out, the best word is the answer.
 */

export interface PlainRequest {
  readonly source: readonly string[];
  readonly others: readonly (readonly string[])[];
  /** The source's name, whose first letters begin no answer; absent where they may. */
  readonly name: string | undefined;
}

/** The words that the read-outs say, best first. */
export function plainConsensus({ source, others, name }: PlainRequest): string[] {
  const own = countsOf(source);
  const other = countsOf(others.flat());
  const total = others.reduce((sum, of) => sum + of.length, 0);
  const begin = name?.toLowerCase().slice(0, NAME_LETTERS);
  return [...own]
    .filter(([word]) => begin === undefined || word.slice(0, NAME_LETTERS) !== begin)
    .map(([word, count]) => ({
      word,
      score: count / source.length - (other.get(word) ?? 0) / Math.max(1, total),
    }))
    .sort((a, b) => b.score - a.score)
    .map(({ word }) => word);
}

const NAME_LETTERS = 4;

/** In how many texts each word is. */
function countsOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const words = new Set(text.toLowerCase().match(/[\p{L}\p{M}]{2,}/gu) ?? []);
    for (const word of words) {
      if (!FILLERS.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

const FILLERS: ReadonlySet<string> = new Set(
  "the of is a an and in to it its that which was for with on as by has are city country people".split(
    " ",
  ),
);
