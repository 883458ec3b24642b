/** Runs at the same time, so that their rows share passes: as many as make passes faster, and no more. */
import {
  runTogether,
  type TogetherLimits,
  type TogetherRun,
} from "../engine/together/run-together.ts";
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

/** Whether runs are few rows together. */
export function areFew(sizes: readonly RunSize[]): boolean {
  const rows = sizes.reduce((sum, size) => sum + size.rows, 0);
  const held = sizes.reduce((sum, size) => sum + size.rows * size.tokens, 0);
  return rows <= ROWS_AT_ONCE && held <= TOKENS_AT_ONCE;
}

/** How much of a run is done, from 0 to 1: reading and scoring are halves, where there are both. */
export function shareOf(
  { phase, done, total }: Extract<RunEvent, { kind: "progress" }>,
  isScored: boolean,
): number {
  return isScored ? (done / total + (phase === "score" ? 1 : 0)) / 2 : done / total;
}

/** What each of some runs gives that go at the same time. */
export async function runBatch<T>(
  runs: readonly TogetherRun<T>[],
  limits?: TogetherLimits,
): Promise<readonly T[]> {
  const [first, ...others] = runs;
  if (first === undefined) return [];
  return others.length === 0 ? [await first((engine) => engine)] : runTogether(runs, limits);
}

/** What runs at the same time: neighbours, as many as fit together; what does not fit by itself is alone, too. */
export function batchesOf<T>(
  items: readonly T[],
  fit: (some: readonly T[]) => boolean,
): readonly (readonly T[])[] {
  const batches: T[][] = [];
  for (const item of items) {
    const last = batches.at(-1);
    if (last !== undefined && fit([...last, item])) last.push(item);
    else batches.push([item]);
  }
  return batches;
}
