/**
 * Rows that are alike in a block, and computed once there. Until it enters, a row has the clean run's keys and values;
 * so rows that are given the same tokens from then on go the same way up to the block where the first of them enters.
 * The more blocks, the more rows differ: rows that are alike in one block are so in every block before.
 */
import { enteredBy, type Edge } from "../engine.ts";

/** Which rows of a cache are alike in a block. */
export interface Alike {
  /** How many different ones there are. */
  readonly count: number;
  /** `[rows]`: which of them each row is, numbered in the order in which the rows come to them. */
  readonly of: readonly number[];
}

/** What a block computes of one more token. */
export interface AlikeStep {
  /** Which rows are alike from now on. */
  readonly alike: Alike;
  /** `[count]`: where each comes from: its place in the block before; in the first block a row that has its token. */
  readonly from: readonly number[];
  /** `[count]`: which it was until now, whose keys and values it has. */
  readonly past: readonly number[];
}

/**
 * Which rows are alike in each block behind a pass; before a row enters, it is like all that have not either.
 * @param contexts `[rows]`: what each stands behind, where that differs: rows behind different things are never alike
 */
export function alikeUntilEntry(
  entries: readonly number[],
  layers: number,
  contexts?: readonly string[],
): readonly Alike[] {
  const byEntered = new Map<number, Alike>();
  return Array.from({ length: layers }, (_, layer) => {
    const entered = enteredBy(layer, entries);
    const known = byEntered.get(entered);
    const alike =
      known ??
      tellApart(entries.length, (row) =>
        row < entered ? `${row}` : `behind ${contexts?.[row] ?? ""}`,
      ).alike;
    byEntered.set(entered, alike);
    return alike;
  });
}

/**
 * One more token for every row: rows that get different ones, or look back in different ways, are alike no more.
 * @param blocks which rows were alike in each block until now
 * @param tokens `[rows]`
 */
export function stepOf(
  blocks: readonly Alike[],
  tokens: ArrayLike<number>,
  blocked: readonly Omit<Edge, "from">[],
): readonly AlikeStep[] {
  const looks = looksByLayer(blocked);
  const steps: AlikeStep[] = [];
  for (const [layer, had] of blocks.entries()) {
    const before = steps.at(-1);
    const cut = looks.get(layer);
    if (before !== undefined && had === blocks[layer - 1] && cut === undefined) {
      // Nothing tells rows apart here that did not before.
      steps.push({ ...before, from: before.past.map((_, place) => place) });
      continue;
    }
    const cameFrom = before?.alike.of ?? tokens;
    const { alike, rows } = tellApart(had.of.length, (row) => {
      const key = `${cameFrom[row] ?? 0} ${had.of[row] ?? 0}`;
      return cut === undefined ? key : `${key} ${cut.get(row) ?? ""}`;
    });
    steps.push({
      alike,
      from: rows.map((row) => before?.alike.of[row] ?? row),
      past: rows.map((row) => had.of[row] ?? 0),
    });
  }
  return steps;
}

/** Rows, or places, from the first on. */
export function firstRows(count: number): readonly number[] {
  return Array.from({ length: count }, (_, row) => row);
}

/** A row for each of those that differ. */
export function rowsOfAlike({ count, of }: Alike): readonly number[] {
  return firstRows(count).map((place) => of.indexOf(place));
}

/** Some of the rows, in the order given, and which of those that were there before there still are. */
export function pick(
  { of }: Alike,
  rows: readonly number[],
): { readonly alike: Alike; readonly past: readonly number[] } {
  const picked = rows.map((row) => of[row] ?? 0);
  const told = tellApart(rows.length, (row) => `${picked[row] ?? 0}`);
  return { alike: told.alike, past: told.rows.map((row) => picked[row] ?? 0) };
}

/** Rows with one key are alike; of each kind the first row. */
function tellApart(
  count: number,
  keyOf: (row: number) => string,
): { readonly alike: Alike; readonly rows: readonly number[] } {
  const places = new Map<string, number>();
  const rows: number[] = [];
  const of = Array.from({ length: count }, (_, row) => {
    const key = keyOf(row);
    const known = places.get(key);
    if (known !== undefined) return known;
    const place = rows.push(row) - 1;
    places.set(key, place);
    return place;
  });
  return { alike: { count: rows.length, of }, rows };
}

/** What each row does not look at, for the layers where there is something. */
function looksByLayer(
  blocked: readonly Omit<Edge, "from">[],
): ReadonlyMap<number, ReadonlyMap<number, string>> {
  const layers = new Map<number, Map<number, string>>();
  const ordered = blocked.toSorted((a, b) => a.to - b.to);
  for (const { layer, row, to } of ordered) {
    const rows = layers.get(layer) ?? new Map<number, string>();
    layers.set(layer, rows.set(row, `${rows.get(row) ?? ""},${to}`));
  }
  return layers;
}
