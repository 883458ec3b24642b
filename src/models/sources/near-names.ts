/** Names that a mistyped one may have meant. */

/** Those of `known` a few edits away from `name`, or that begin with it; the nearest first. */
export function nearNames(name: string, known: readonly string[]): readonly string[] {
  const asked = name.toLowerCase();
  const limit = Math.max(2, Math.floor(asked.length / 3));
  return known
    .map((candidate) => ({ candidate, edits: editsBetween(asked, candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => {
      const isBeginning = asked.length >= 3 && candidate.toLowerCase().startsWith(asked);
      return edits <= limit || isBeginning;
    })
    .sort((a, b) => a.edits - b.edits)
    .map(({ candidate }) => candidate);
}

/** Levenshtein's distance: how many characters to insert, remove or change. */
export function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
