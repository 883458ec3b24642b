/** A figure: what was measured, in which unit, with its spread, against which goal. */

/** Several measurements of the same thing. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

/** Ratios and shares can be compared between machines; times and rates only inform. */
export type Unit = "×" | "%" | "MiB" | "s" | "ms" | "tokens/s" | "rows/s";

export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export interface Figure {
  /** One of a kind: figures of two runs are compared by it. */
  readonly name: string;
  readonly value: Spread;
  readonly unit: Unit;
  /** What the project asks of itself; absent for figures that only inform. */
  readonly goal?: Goal | undefined;
}

/** How something grows: one line of a plot. */
export interface Series {
  readonly name: string;
  /** What the others are held against. */
  readonly isReference?: boolean;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** A plot of series over one axis. */
export interface Plot {
  /** Of its file, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

/** What one of the benchmark's programs found. */
export interface Section {
  readonly title: string;
  /** What was run, for who reads the figures: Markdown. */
  readonly about: string;
  readonly figures: readonly Figure[];
  readonly plots?: readonly Plot[] | undefined;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    greatest: at(sorted.length - 1),
  };
}

/** A number that was found once, or is a count. */
export function one(value: number): Spread {
  return spreadOf([value]);
}

export function isReached({ value, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  return "atLeast" in goal ? value.median >= goal.atLeast : value.median <= goal.atMost;
}

/** The value with its unit, and from where to where it was found where it differs. */
export function valueText({ value, unit }: Pick<Figure, "value" | "unit">): string {
  const text = (number: number): string => numberText(number, unit);
  const { median, least, greatest } = value;
  const range = text(least) === text(greatest) ? "" : ` (${text(least)}–${text(greatest)})`;
  return `${withUnit(text(median), unit)}${range}`;
}

export function goalText({ goal, unit }: Pick<Figure, "goal" | "unit">): string {
  if (goal === undefined) return "";
  return "atLeast" in goal
    ? `≥ ${withUnit(String(goal.atLeast), unit)}`
    : `≤ ${withUnit(String(goal.atMost), unit)}`;
}

function withUnit(number: string, unit: Unit): string {
  return unit === "×" || unit === "%" ? `${number}${unit}` : `${number} ${unit}`;
}

function numberText(number: number, unit: Unit): string {
  switch (unit) {
    case "×":
      return number < 10 ? number.toFixed(2) : number < 100 ? number.toFixed(1) : number.toFixed(0);
    case "s":
      return number < 100 ? number.toFixed(2) : number.toFixed(0);
    default:
      return number.toFixed(0);
  }
}
