/** How far a command is, on standard error: a bar where somebody looks, else a line when something begins. */
import { Presets, SingleBar } from "cli-progress";
import type { Terminal } from "./terminal.ts";

export interface Step {
  readonly label: string;
  readonly done: number;
  /** Absent where nobody knows. */
  readonly total: number | undefined;
  readonly unit: "bytes" | "count";
  /** What stands behind a bar, in place of what follows from the unit. */
  readonly amount?: string;
}

export interface Progress {
  /** Says how far a step is. A step begins when its label is new. */
  show(step: Step): void;
  /** Takes the bar off the screen. */
  clear(): void;
}

/** Bars or lines, as the terminal has it. */
export function progressOn(terminal: Terminal): Progress {
  return terminal.hasProgressBars ? progressBars(terminal) : progressLines(terminal);
}

// A log of a long run stays short, whatever is downloaded.
const MAX_LINES = 10;

function progressLines({ note }: Terminal): Progress {
  const seen = new Set<string>();
  return {
    show: ({ label, total, unit }) => {
      if (seen.has(label) || seen.size >= MAX_LINES) return;
      seen.add(label);
      const size = total !== undefined && unit === "bytes" ? ` (${megabytes(total)} MB)` : "";
      note(`${label}${size} …\n`);
    },
    clear: () => undefined,
  };
}

function progressBars(terminal: Terminal): Progress {
  let bar: SingleBar | undefined;
  let current: string | undefined;
  const clear = (): void => {
    bar?.stop();
    bar = undefined;
    current = undefined;
  };
  return {
    show: (step) => {
      const { label, total } = step;
      const done = total === undefined ? 0 : Math.min(step.done, total);
      const texts = { label, amount: step.amount ?? amountOf(step) };
      if (current === label) {
        bar?.update(done, texts);
        return;
      }
      clear();
      current = label;
      bar = newBar(terminal, total !== undefined);
      bar.start(total ?? 1, done, texts);
    },
    clear,
  };
}

function newBar({ unicode }: Terminal, hasTotal: boolean): SingleBar {
  return new SingleBar(
    {
      format: hasTotal ? "{label} {bar} {percentage}% {amount}" : "{label} … {amount}",
      barsize: 24,
      clearOnComplete: true,
      hideCursor: true,
      // The signal is for the command to answer: it stops the work, then the bar.
      gracefulExit: false,
      stream: process.stderr,
    },
    unicode ? Presets.shades_classic : Presets.legacy,
  );
}

function amountOf({ done, total, unit }: Step): string {
  if (unit === "count") return "";
  return total === undefined
    ? `${megabytes(done)} MB`
    : `${megabytes(done)}/${megabytes(total)} MB`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0);
}
