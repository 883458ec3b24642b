/**
 * Rows whose texts are of different lengths: the keys of a row stand in columns, as many as the longest row needs, and
 * those that it has no tokens for are filler that it does not see. So a token's column does not say its position.
 */

/** The position of the token in each column; {@link FILLER} where there is none. */
export type KeyPositions = readonly number[];

export const FILLER = -1;

/** What a call of the decoder must know of its rows where they differ in their positions. */
export interface Ragged {
  /** `[rows]`: the position of each row's first token in this call. */
  readonly firsts: readonly number[];
  /** `[rows]`: the position behind its last one. */
  readonly ends: readonly number[];
  /** `[rows]`: what stands in the columns of a row's own before the call. */
  readonly keys: readonly KeyPositions[];
  /** A row for each that a block computes. */
  readonly rowsOf: (layer: number) => readonly number[];
}

/** Tokens from a position on, one behind the other, and filler behind them. */
export function columnsFrom(
  position: number,
  count: number,
  columns: number = count,
): KeyPositions {
  return Array.from({ length: columns }, (_, at) => (at < count ? position + at : FILLER));
}

/** The position behind the last token; `start` where there is none. */
export function endOf(keys: KeyPositions, start: number): number {
  return (keys.findLast((position) => position !== FILLER) ?? start - 1) + 1;
}

/** Columns side by side that have tokens of positions side by side. */
export interface Run {
  readonly column: number;
  readonly count: number;
  /** How many of the tokens looked for come before. */
  readonly to: number;
}

/** Where tokens stand that have `count` positions from one on: all of them are there. */
export function runsOf(keys: KeyPositions, from: number, count: number): readonly Run[] {
  const runs: { column: number; count: number; readonly to: number }[] = [];
  for (const [column, position] of keys.entries()) {
    if (position < from || position >= from + count) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.column + last.count === column) last.count += 1;
    else runs.push({ column, count: 1, to: position - from });
  }
  return runs;
}
