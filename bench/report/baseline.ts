/** The figures of the last release, to hold this one's against: ratios and shares, which other machines can be compared by. */
import { readFileSync } from "node:fs";
import type { Section, Unit } from "../figure.ts";

export interface Baseline {
  readonly version: string;
  /** What they were measured on. */
  readonly machine: string;
  /** The median of each figure by its name. */
  readonly figures: Readonly<Record<string, number>>;
}

const COMPARABLE: readonly Unit[] = ["×", "%", "MiB"];

/** The stored figures; the build copies their file beside this one. */
export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(new URL("baseline.json", import.meta.url), "utf8")) as Baseline;
}

/** The figures of a run as the next release's baseline. */
export function baselineOf(
  sections: readonly Section[],
  { version, machine }: Pick<Baseline, "version" | "machine">,
): Baseline {
  const figures = sections
    .flatMap((section) => section.figures)
    .filter(({ unit }) => COMPARABLE.includes(unit))
    .map(({ name, value }) => [name, Number(value.median.toPrecision(4))] as const);
  return { version, machine, figures: Object.fromEntries(figures) };
}
