/** Timing works in turn: a busy moment of the machine hits all of them, and ratios are of the same round. */
import { spreadOf, type Figure, type Spread } from "../figure.ts";

/** How long each round took, in seconds; none where a work could not be run. */
export type Rounds = readonly number[];

/** One round of a work. One that knows its own time says it, and is not run before it counts. */
export type Work = (() => Promise<unknown>) | { readonly timed: () => Promise<number> };

/** Runs each work in turn, `rounds` times, after a round that warms up. */
export async function inTurn<Name extends string>(
  works: Readonly<Record<Name, Work | undefined>>,
  { rounds, signal }: { readonly rounds: number; readonly signal: AbortSignal },
): Promise<Record<Name, Rounds>> {
  const entries = Object.entries(works) as [Name, Work | undefined][];
  const taken = Object.fromEntries(entries.map(([name]) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of entries) {
      signal.throwIfAborted();
      if (work === undefined || (round < 0 && "timed" in work)) continue;
      const seconds = await secondsOf(work);
      if (round >= 0) taken[name].push(seconds);
    }
  }
  return taken;
}

async function secondsOf(work: Work): Promise<number> {
  if ("timed" in work) return work.timed();
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** How many times as long as `by` something takes, round by round. */
export function ratio(of: Rounds, by: Rounds): Spread {
  return spreadOf(of.map((seconds, round) => seconds / (by[round] ?? NaN)));
}

/** How many times as fast `ours` is; no figure where there is nothing to compare with. */
export function against(
  name: string,
  {
    theirs,
    ours,
    atLeast,
  }: { readonly theirs: Rounds; readonly ours: Rounds; readonly atLeast?: number },
): Figure[] {
  if (theirs.length === 0) return [];
  const goal = atLeast === undefined ? undefined : { atLeast };
  return [{ name, value: ratio(theirs, ours), unit: "×", goal }];
}

/** A time as it is; no figure where nothing was timed. */
export function seconds(name: string, rounds: Rounds): Figure[] {
  return rounds.length === 0 ? [] : [{ name, value: spreadOf(rounds), unit: "s" }];
}
