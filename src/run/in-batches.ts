/** Runs at the same time, so that their rows share passes: as many as make passes faster, and no more. */
import { runTogether, type TogetherRun } from "../engine/together/run-together.ts";

/** More rows in a pass are hardly faster, and each holds keys and values. */
const ROWS_AT_ONCE = 128;

/** A run, and how many rows it has at once; Infinity for one that runs alone. */
export interface CountedRun<T> {
  readonly rows: number;
  readonly run: TogetherRun<T>;
}

/** Runs all in their order, and gives what those that ran at the same time gave. */
export async function* inBatches<T>(
  runs: readonly CountedRun<T>[],
): AsyncGenerator<readonly T[], void, undefined> {
  for (const [first, ...others] of batchesOf(runs, ({ rows }) => rows)) {
    if (first === undefined) continue;
    yield others.length === 0
      ? [await first.run((engine) => engine)]
      : await runTogether([first, ...others].map(({ run }) => run));
  }
}

/** What runs at the same time: neighbours, as long as they are few rows. */
export function batchesOf<T>(items: readonly T[], rowsOf: (item: T) => number): T[][] {
  const batches: T[][] = [];
  let rows = 0;
  for (const item of items) {
    const own = rowsOf(item);
    const last = batches.at(-1);
    if (last !== undefined && rows + own <= ROWS_AT_ONCE) {
      last.push(item);
      rows += own;
    } else {
      batches.push([item]);
      rows = own;
    }
  }
  return batches;
}
