/** Unigram: of all ways to write a word in entries, the one whose scores (log probabilities) have the largest sum. */

const UNKNOWN_PENALTY = 10; // below the worst entry, as in SentencePiece

/** A function that takes words apart; a character that is in no entry stays alone. */
export function bestPieces(
  entries: readonly string[],
  scores: ArrayLike<number>,
): (word: string) => readonly string[] {
  const scoreOf = new Map<string, number>();
  let longest = 1;
  let worst = 0;
  for (let id = 0; id < scores.length; id++) {
    const entry = entries[id] ?? "";
    const score = scores[id] ?? 0;
    worst = Math.min(worst, score);
    if (entry === "") continue;
    scoreOf.set(entry, score);
    longest = Math.max(longest, entry.length);
  }
  const unknown = worst - UNKNOWN_PENALTY;

  return (word) => {
    /** The best sum up to each place, and where its last piece begins. */
    const best = new Float64Array(word.length + 1).fill(-Infinity);
    const from = new Int32Array(word.length + 1);
    best[0] = 0;
    for (let start = 0; start < word.length;) {
      const before = best[start] ?? 0;
      const next = start + String.fromCodePoint(word.codePointAt(start) ?? 0).length;
      const offer = (end: number, score: number): void => {
        if (before + score <= (best[end] ?? 0)) return;
        best[end] = before + score;
        from[end] = start;
      };
      let isCovered = false;
      for (let end = start + 1; end <= Math.min(start + longest, word.length); end++) {
        const score = scoreOf.get(word.slice(start, end));
        if (score === undefined) continue;
        offer(end, score);
        isCovered ||= end === next;
      }
      if (!isCovered) offer(next, unknown);
      start = next;
    }
    const pieces: string[] = [];
    for (let end = word.length; end > 0; end = from[end] ?? 0) {
      pieces.push(word.slice(from[end], end));
    }
    return pieces.reverse();
  };
}
