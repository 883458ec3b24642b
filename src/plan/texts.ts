/** Where a text stands in another one, and which tokens hold its characters. What is wrong where none does is the caller's to say. */
import type { FindPosition } from "../spec/spec.ts";

/** The characters that something holds, `[start, end)` in UTF-16 code units; an added token holds none. */
export type Span = readonly [start: number, end: number];

/** A text, and what each of its tokens holds of it. */
export interface WrittenText {
  readonly text: string;
  readonly offsets: readonly Span[];
}

/** The text that tokens write one behind the other. */
export function writtenBy(pieces: readonly string[]): WrittenText {
  let end = 0;
  const offsets = pieces.map((piece) => [end, (end += piece.length)] as const);
  return { text: pieces.join(""), offsets };
}

/** Where a text begins in another one; occurrences may overlap. */
export function startsOf(find: string, text: string): number[] {
  const starts: number[] = [];
  for (let start = text.indexOf(find); start >= 0; start = text.indexOf(find, start + 1)) {
    starts.push(start);
  }
  return starts;
}

/** Where an occurrence begins, out of all that {@link startsOf} found; undefined where there are not so many. */
export function occurrenceOf(
  starts: readonly number[],
  occurrence: FindPosition["occurrence"],
): number | undefined {
  if (occurrence === "last") return starts.at(-1);
  return starts[occurrence === "first" ? 0 : occurrence - 1];
}

/** The first token that holds a part of a span; -1 where none does. */
export function firstTokenOf(span: Span, offsets: readonly Span[]): number {
  return offsets.findIndex((held) => overlaps(held, span));
}

/** The last token that holds a part of a span; -1 where none does. */
export function lastTokenOf(span: Span, offsets: readonly Span[]): number {
  return offsets.findLastIndex((held) => overlaps(held, span));
}

/** The token that holds the last character of what ends here; -1 where none does. */
export function tokenWithEnd(end: number, offsets: readonly Span[]): number {
  return offsets.findLastIndex(([from, to]) => from < end && to >= end);
}

/** Spans that only touch do not overlap; so do the empty ones of added tokens. */
function overlaps([from, to]: Span, [start, end]: Span): boolean {
  return from < end && to > start;
}
