/** Cuts a text where no token may reach across: around special tokens, and between words as each vocabulary was trained. */

/** A piece of the text; `special` where it is a special token as a whole. */
export interface Segment {
  readonly text: string;
  /** Where it starts in the whole text, in UTF-16 units. */
  readonly start: number;
  readonly special: boolean;
}

/** One way of cutting: digits alone, or words as GPT-2 cuts them. */
export type CutStep = "digits" | "gpt2-words";

// The reference's regular expressions know white space and numbers by Unicode; JavaScript's \s and \d differ.
const PATTERNS: Readonly<Record<CutStep, RegExp>> = {
  digits: /\p{N}|\P{N}+/gu,
  "gpt2-words":
    /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
};

/** Cuts each ordinary segment by each step in turn; special ones stay whole. Nothing of the text is lost. */
export function cutWords(segment: Segment, steps: readonly CutStep[]): readonly Segment[] {
  if (segment.special) return [segment];
  return steps.reduce<readonly Segment[]>(
    (pieces, step) => pieces.flatMap((piece) => cut(piece, step)),
    [segment],
  );
}

function cut(segment: Segment, step: CutStep): Segment[] {
  return Array.from(segment.text.matchAll(PATTERNS[step]), (match) => ({
    text: match[0],
    start: segment.start + match.index,
    special: false,
  }));
}

/** Finds special tokens in texts: the leftmost, and of those that start there the longest. */
export class SpecialSplitter {
  /** By their first UTF-16 unit, longest first. */
  readonly #byStart = new Map<number, string[]>();

  constructor(specials: Iterable<string>) {
    for (const special of specials) {
      if (special === "") continue;
      const first = special.charCodeAt(0);
      const same = this.#byStart.get(first) ?? [];
      same.push(special);
      this.#byStart.set(first, same);
    }
    for (const same of this.#byStart.values()) same.sort((a, b) => b.length - a.length);
  }

  /** The text as special and ordinary segments, in order, without empty ones. */
  split(text: string): readonly Segment[] {
    const segments: Segment[] = [];
    let start = 0;
    const endOrdinary = (end: number): void => {
      if (end > start) segments.push({ text: text.slice(start, end), start, special: false });
    };
    for (let at = 0; at < text.length;) {
      const found = this.#byStart.get(text.charCodeAt(at))?.find((one) => text.startsWith(one, at));
      if (found === undefined) {
        at++;
        continue;
      }
      endOrdinary(at);
      segments.push({ text: found, start: at, special: true });
      at += found.length;
      start = at;
    }
    endOrdinary(text.length);
    return segments;
  }
}
