/** Where a generated text ends because one of the spec's stop strings came, in whatever tokens it was written. */

/** A text that has ended at a stop string. */
export interface StoppedText {
  /** How many of its tokens write what comes before the stop string; the last of them may write a part of it too. */
  readonly tokens: number;
  /** What comes before it, in UTF-16 code units of the decoded tokens. */
  readonly length: number;
}

/** Looks for the first stop string in the text that the tokens write together; `undefined` where there is none. */
export function stoppedText(
  tokens: readonly number[],
  stops: readonly string[],
  decode: (tokens: readonly number[]) => string,
): StoppedText | undefined {
  const text = decode(tokens);
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  if (found.length === 0) return undefined;
  const length = Math.min(...found);
  const before = text.slice(0, length);
  const counts = Array.from(tokens, (_, index) => index);
  const enough = counts.find((count) => decode(tokens.slice(0, count)).startsWith(before));
  return { tokens: enough ?? tokens.length, length };
}
