/** Printing figures: what was measured, against which goal, with its spread. */

/** One line of the table that `patchscopes bench` prints. */
export interface Figure {
  readonly name: string;
  readonly measured: string;
  /** What the project asks of itself; absent for figures that only inform. */
  readonly goal?: string;
  readonly isReached?: boolean;
}

export interface BenchContext {
  readonly signal: AbortSignal;
  /** A line about what is being done. */
  readonly note: (text: string) => void;
}

/** Several timings of the same work, in milliseconds. */
export interface Timings {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
  readonly all: readonly number[];
}

/** Runs each work in turn, `rounds` times, so that a busy moment of the machine hits all of them. */
export async function interleave<Name extends string>(
  works: Readonly<Record<Name, () => Promise<unknown>>>,
  rounds: number,
  signal: AbortSignal,
): Promise<Record<Name, Timings>> {
  const names = Object.keys(works) as Name[];
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      signal.throwIfAborted();
      const begin = performance.now();
      await works[name]();
      // The first round warms up.
      if (round >= 0) taken.get(name)?.push(performance.now() - begin);
    }
  }
  const timings = names.map((name) => [name, timingsOf(taken.get(name) ?? [])] as const);
  return Object.fromEntries(timings) as Record<Name, Timings>;
}

export function timingsOf(milliseconds: readonly number[]): Timings {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? NaN;
  return {
    median: at(Math.floor(sorted.length / 2)),
    least: at(0),
    greatest: at(sorted.length - 1),
    all: sorted,
  };
}

export function seconds({ median, least, greatest }: Timings): string {
  const text = (ms: number): string => (ms / 1000).toFixed(2);
  return `${text(median)} s (${text(least)}–${text(greatest)})`;
}

/** All figures as a table in text. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = [
    ["figure", "measured", "goal", ""],
    ...figures.map(({ name, measured, goal, isReached }) => [
      name,
      measured,
      goal ?? "",
      isReached === undefined ? "" : isReached ? "reached" : "missed",
    ]),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
