/**
 * Byte-pair encoding: joins neighbouring symbols by a ranked list of merges, best rank first, leftmost of equals.
 *
 * Own, not @huggingface/tokenizers: on a vocabulary of 49,000 that one takes ten times as long to build, gives
 * no offsets, and lets a byte that has no token block merges around it, which the reference does not.
 */

/** How early two neighbours are joined, lowest first; `undefined` where they are not. */
export type MergeRank = (left: string, right: string, merged: string) => number | undefined;

/** By a list of merges, best first, each written "left right". */
export function rankByMerges(merges: readonly string[]): MergeRank {
  const ranks = new Map<string, number>();
  for (let rank = 0; rank < merges.length; rank++) ranks.set(merges[rank] ?? "", rank);
  return (left, right) => ranks.get(`${left} ${right}`);
}

/**
 * By how good the result is, best first; of equals the longer left part, as transformers orders them.
 * `scores` are by id; an id beyond them is no result.
 */
export function rankByScores(ids: ReadonlyMap<string, number>, scores: Float64Array): MergeRank {
  const rising = scores.slice().sort();
  return (left, _, merged) => {
    const score = scores[ids.get(merged) ?? -1];
    if (score === undefined) return undefined;
    const better = rising.length - countUpTo(rising, score);
    return better * LENGTHS + LENGTHS - Math.min(left.length, LENGTHS);
  };
}

const LENGTHS = 1024; // longer entries are no different

/** How many of the sorted numbers are at most this one. */
function countUpTo(rising: Float64Array, most: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rising[middle] ?? Infinity) <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The token of each entry; of equal entries the last one. */
export function idsOf(entries: readonly string[]): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (let id = 0; id < entries.length; id++) ids.set(entries[id] ?? "", id);
  return ids;
}

/** A vocabulary with its merges. */
export class BytePairEncoder {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #rankOf: MergeRank;
  readonly #takesWholeWords: boolean;

  /** `takesWholeWords`: a word that is an entry is not taken apart. */
  constructor(
    ids: ReadonlyMap<string, number>,
    rankOf: MergeRank,
    options: { readonly takesWholeWords: boolean },
  ) {
    this.#ids = ids;
    this.#rankOf = rankOf;
    this.#takesWholeWords = options.takesWholeWords;
  }

  /** The token of an entry. */
  idOf(entry: string): number | undefined {
    return this.#ids.get(entry);
  }

  /** Joins symbols, each of which is an entry itself, into the entries that stand for the word. */
  encode(symbols: readonly string[]): readonly string[] {
    if (symbols.length < 2) return symbols;
    const word = symbols.join("");
    if (this.#takesWholeWords && this.#ids.has(word)) return [word];
    return this.#merge([...symbols]);
  }

  /** Joins in place: `parts[i]` grows to the right, `next[i]` skips what it has taken. */
  #merge(parts: string[]): readonly string[] {
    const end = parts.length;
    const next = Int32Array.from(parts, (_, i) => i + 1);
    const previous = Int32Array.from(parts, (_, i) => i - 1);
    const queue = new MergeQueue();
    const propose = (left: number): void => {
      const right = left < 0 ? end : (next[left] ?? end);
      if (right === end) return;
      const [first, second] = [parts[left] ?? "", parts[right] ?? ""];
      const merged = first + second;
      const rank = this.#rankOf(first, second, merged);
      if (rank !== undefined && this.#ids.has(merged)) queue.push({ rank, left, merged });
    };
    for (let left = 0; left < end; left++) propose(left);

    for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
      const { left, merged } = best;
      const right = next[left] ?? end;
      // What was proposed may have changed since: either part has been taken or has grown.
      const now = `${parts[left] ?? ""}${parts[right] ?? ""}`;
      const isStale = parts[left] === "" || right === end || now !== merged;
      if (isStale) continue;
      parts[left] = merged;
      parts[right] = "";
      const after = next[right] ?? end;
      next[left] = after;
      if (after < end) previous[after] = left;
      propose(previous[left] ?? -1);
      propose(left);
    }
    return parts.filter((part) => part !== "");
  }
}

interface Merge {
  readonly rank: number;
  /** Index of the left part. */
  readonly left: number;
  readonly merged: string;
}

/** A binary heap: the lowest rank first, of equal ranks the leftmost. */
class MergeQueue {
  readonly #heap: Merge[] = [];

  push(merge: Merge): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(merge);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(merge, above)) break;
      heap[at] = above;
      heap[parent] = merge;
      at = parent;
    }
  }

  pop(): Merge | undefined {
    const heap = this.#heap;
    const best = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return best;
    let at = 0;
    for (;;) {
      const child = this.#betterChild(at);
      const below = heap[child];
      if (below === undefined || !isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return best;
  }

  #betterChild(at: number): number {
    const left = this.#heap[2 * at + 1];
    const right = this.#heap[2 * at + 2];
    const isRight = left !== undefined && right !== undefined && isBefore(right, left);
    return 2 * at + (isRight ? 2 : 1);
  }
}

function isBefore(a: Merge, b: Merge): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.left < b.left);
}
