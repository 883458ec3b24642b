/** Cuts a text where no token may reach across: around special tokens, and between words as each vocabulary was trained. */

/** A piece of the text. */
export interface Segment {
  readonly text: string;
  /** Where it starts in the whole text, in UTF-16 units. */
  readonly start: number;
  /** The special token that it is; `text` may have white space around it. */
  readonly special: string | false;
}

/** One way of cutting: digits alone, words as a vocabulary was trained, or before each "▁". */
export type CutStep = "digits" | "gpt2-words" | "llama3-words" | "qwen2-words" | "metaspace";

// The reference's regular expressions know white space and numbers by Unicode; JavaScript's \s and \d differ.
const SPACES = String.raw`\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+`;
// (?i:'s|'t|…) by hand: Node 20 has no such groups. A long s is an s to the reference.
const SHORTENED = "'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";

const PATTERNS: Readonly<Record<CutStep, RegExp>> = {
  digits: /\p{N}|\P{N}+/gu,
  "gpt2-words":
    /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
  "llama3-words": wordsWithNumbers("{1,3}"),
  "qwen2-words": wordsWithNumbers(""),
  metaspace: /▁[^▁]*|[^▁]+/gu,
};

/** The words that Llama 3 and its successors were trained on: `digits` of a number stay together. */
function wordsWithNumbers(digits: string): RegExp {
  const words = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}`;
  const signs = String.raw` ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+`;
  return new RegExp([SHORTENED, words, signs, SPACES].join("|"), "gu");
}

/** Cuts each ordinary segment by each step in turn; special ones stay whole. Nothing of the text is lost. */
export function cutWords(segment: Segment, steps: readonly CutStep[]): readonly Segment[] {
  if (segment.special !== false) return [segment];
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

/** Whether a special token takes the white space before or behind it along. */
export interface Strip {
  readonly left: boolean;
  readonly right: boolean;
}

/** Finds special tokens in texts: the leftmost, and of those that start there the longest. */
export class SpecialSplitter {
  /** By their first UTF-16 unit, longest first. */
  readonly #byStart = new Map<number, string[]>();
  readonly #stripOf: (special: string) => Strip | undefined;

  constructor(
    specials: Iterable<string>,
    stripOf: (special: string) => Strip | undefined = () => undefined,
  ) {
    this.#stripOf = stripOf;
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
    const endSegment = (end: number, special: string | false): void => {
      if (end > start) segments.push({ text: text.slice(start, end), start, special });
      start = end;
    };
    for (let at = 0; at < text.length;) {
      const found = this.#byStart.get(text.charCodeAt(at))?.find((one) => text.startsWith(one, at));
      if (found === undefined) {
        at++;
        continue;
      }
      const strip = this.#stripOf(found);
      endSegment(strip?.left === true ? beforeSpaces(text, start, at) : at, false);
      at += found.length;
      if (strip?.right === true) at += SPACES_HERE.exec(text.slice(at))?.[0].length ?? 0;
      endSegment(at, found);
    }
    endSegment(text.length, false);
    return segments;
  }
}

const SPACES_HERE = /^\p{White_Space}+/u;
const IS_SPACE = /^\p{White_Space}$/u;

/** Where the white space before `end` begins, at `start` at the earliest. */
function beforeSpaces(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && IS_SPACE.test(text.charAt(at - 1))) at--;
  return at;
}
