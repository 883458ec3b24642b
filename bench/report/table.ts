/** Sections as text for the terminal and as Markdown for the page. */
import { goalText, isReached, valueText, type Figure, type Section } from "../figure.ts";
import type { Baseline } from "./baseline.ts";

/** What stands in a line of a table. */
type Cells = readonly [name: string, measured: string, goal: string, verdict: string, last: string];

const HEAD: Cells = ["figure", "measured", "goal", "", "last release"];

/** All figures as one table in text. */
export function terminalTable(sections: readonly Section[], baseline: Baseline): string {
  const lines = sections.map(({ figures }) => figures.map((figure) => cellsOf(figure, baseline)));
  const widths = widthsOf([HEAD, ...lines.flat()]);
  const text = (row: Cells): string => padded(row, widths).join("  ").trimEnd();
  return [text(HEAD), ...lines.map((section) => section.map(text).join("\n"))].join("\n\n");
}

/** Figures as a Markdown table. */
export function markdownTable(figures: readonly Figure[], baseline: Baseline): string {
  const rows = figures.map((figure) => cellsOf(figure, baseline));
  const widths = widthsOf([HEAD, ...rows]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(padded(HEAD, widths)),
    line(widths.map((width) => "-".repeat(width))),
    ...rows.map((row) => line(padded(row, widths))),
  ].join("\n");
}

/** Of each column; three characters at least, as Markdown has it. */
function widthsOf(rows: readonly Cells[]): number[] {
  return HEAD.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
}

function padded(row: Cells, widths: readonly number[]): string[] {
  return row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
}

function cellsOf(figure: Figure, baseline: Baseline): Cells {
  const reached = isReached(figure);
  const verdict = reached === undefined ? "" : reached ? "reached" : "missed";
  const last = baseline.figures[figure.name];
  const before =
    last === undefined
      ? ""
      : valueText({
          unit: figure.unit,
          value: { median: last, least: last, greatest: last },
        });
  return [figure.name, valueText(figure), goalText(figure), verdict, before];
}
