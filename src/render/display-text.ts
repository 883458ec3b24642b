/** Any text as one line of a known width on a terminal. Knows nothing of results. */
import stringWidth from "string-width";

export interface Alphabet {
  readonly ellipsis: string;
  readonly lineBreak: string;
  readonly tab: string;
  readonly space: string;
  readonly rule: string;
  readonly range: string;
  readonly dot: string;
  readonly none: string;
  /** Bars from an eighth of a column to a whole one. */
  readonly bar: readonly string[];
}

const unicodeAlphabet: Alphabet = {
  ellipsis: "…",
  lineBreak: "⏎",
  tab: "⇥",
  space: "␣",
  rule: "─",
  range: "–",
  dot: "·",
  none: "–",
  bar: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
};

const asciiAlphabet: Alphabet = {
  ellipsis: "...",
  lineBreak: "\\n",
  tab: "\\t",
  space: "_",
  rule: "-",
  range: "-",
  dot: "|",
  none: "-",
  bar: ["#"],
};

/** The signs that the program itself writes; read-outs keep their own characters. */
export function alphabetOf(unicode: boolean): Alphabet {
  return unicode ? unicodeAlphabet : asciiAlphabet;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Shows line breaks and tabs, and takes the power from control characters, which could rewrite the screen. */
export function visible(text: string, alphabet: Alphabet): string {
  return text
    .replace(/\r?\n/gu, alphabet.lineBreak)
    .replace(/\t/gu, alphabet.tab)
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, named);
}

/** A read-out as people want it: without the space that most begin with, unless there is nothing but spaces. */
export function readable(text: string, alphabet: Alphabet): string {
  if (/^ +$/u.test(text)) return alphabet.space.repeat(text.length);
  if (/^[^\S\r\n\t]+$/u.test(text)) return Array.from(text, named).join("");
  return visible(text.startsWith(" ") ? text.slice(1) : text, alphabet);
}

function named(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}}`;
}

/** Columns that a text takes on a terminal; wide East Asian characters take two. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** The columns of the widest of some texts. */
export function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(widthOf));
}

/** Cuts a text to `width` columns and says so with an ellipsis. */
export function fit(text: string, width: number, alphabet: Alphabet): string {
  if (widthOf(text) <= width) return text;
  return `${take(segmentsOf(text), width - alphabet.ellipsis.length)}${alphabet.ellipsis}`;
}

/** Cuts the beginning of a text instead of its end. */
export function fitEnd(text: string, width: number, alphabet: Alphabet): string {
  if (widthOf(text) <= width) return text;
  const backwards = segmentsOf(text).reverse();
  const kept = segmentsOf(take(backwards, width - alphabet.ellipsis.length)).length;
  return `${alphabet.ellipsis}${backwards.slice(0, kept).reverse().join("")}`;
}

function segmentsOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

function take(segments: readonly string[], width: number): string {
  let taken = "";
  let used = 0;
  for (const segment of segments) {
    used += widthOf(segment);
    if (used > width) break;
    taken += segment;
  }
  return taken;
}

/** Fills a text with spaces up to `width` columns. */
export function pad(text: string, width: number, side: "left" | "right" = "right"): string {
  const fill = " ".repeat(Math.max(0, width - widthOf(text)));
  return side === "right" ? text + fill : fill + text;
}

/** Breaks a text between words into lines of at most `width` columns; all but the first begin with `indent`. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    const longer = line === undefined ? word : `${line} ${word}`;
    if (line === undefined || widthOf(longer) > width)
      lines.push(line === undefined ? word : indent + word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** A prompt in `width` columns with the tokens at `positions` in brackets, cut far from them. */
export function markedPrompt(
  prompt: { readonly pieces: readonly string[]; readonly positions: readonly number[] },
  width: number,
  alphabet: Alphabet,
): string {
  const marked = new Set(prompt.positions);
  const first = Math.min(...marked, prompt.pieces.length);
  const last = Math.max(...marked, first);
  const text = (from: number, to: number): string =>
    visible(prompt.pieces.slice(from, to).join(""), alphabet);
  const middle = Array.from({ length: last + 1 - first }, (_, index) => first + index)
    .map((at) => {
      if (!marked.has(at)) return text(at, at + 1);
      const open = marked.has(at - 1) ? "" : "[";
      return `${open}${text(at, at + 1)}${marked.has(at + 1) ? "" : "]"}`;
    })
    .join("");
  const before = text(0, first);
  const after = text(last + 1, prompt.pieces.length);
  const room = Math.max(0, width - widthOf(middle));
  if (room < 2 * alphabet.ellipsis.length)
    return fit(`${before}${middle}${after}`, width, alphabet);
  const afterRoom = Math.max(Math.floor(room / 2), room - widthOf(before));
  const shownAfter = fit(after, afterRoom, alphabet);
  return `${fitEnd(before, room - widthOf(shownAfter), alphabet)}${middle}${shownAfter}`;
}
