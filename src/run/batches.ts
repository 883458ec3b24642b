/** Runs at the same time, so that their rows share passes: as many as make passes faster, and no more. */
import { runTogether, type TogetherRun } from "../engine/together/run-together.ts";
import type { RunEvent } from "./run-plan.ts";

/** More rows in a pass are hardly faster. */
const ROWS_AT_ONCE = 128;
/** Tokens whose keys and values are held, of all rows. */
const TOKENS_AT_ONCE = 8192;

/** How much a run has at once. */
export interface RunSize {
  readonly rows: number;
  /** Of each row, with those that are generated. */
  readonly tokens: number;
}

/** How much of a run is done, from 0 to 1: reading and scoring are halves, where there are both. */
export function shareOf(
  { phase, done, total }: Extract<RunEvent, { kind: "progress" }>,
  isScored: boolean,
): number {
  return isScored ? (done / total + (phase === "score" ? 1 : 0)) / 2 : done / total;
}

/** What each of some runs gives that go at the same time. */
export async function runBatch<T>(runs: readonly TogetherRun<T>[]): Promise<readonly T[]> {
  const [first, ...others] = runs;
  if (first === undefined) return [];
  return others.length === 0 ? [await first((engine) => engine)] : runTogether(runs);
}

/** What runs at the same time: neighbours, as long as they are few rows; what has no size runs alone. */
export function batchesOf<T>(items: readonly T[], sizeOf: (item: T) => RunSize | undefined): T[][] {
  const batches: T[][] = [];
  let [rows, tokens] = [Infinity, Infinity];
  for (const item of items) {
    const size = sizeOf(item) ?? { rows: Infinity, tokens: Infinity };
    rows += size.rows;
    tokens += size.rows * size.tokens;
    const last = batches.at(-1);
    if (last !== undefined && rows <= ROWS_AT_ONCE && tokens <= TOKENS_AT_ONCE) {
      last.push(item);
    } else {
      batches.push([item]);
      [rows, tokens] = [size.rows, size.rows * size.tokens];
    }
  }
  return batches;
}
