/** Sections as text for the terminal and as Markdown for the page. */
import { goalText, isReached, valueText, type Figure, type Section } from "../figure.ts";
import type { Baseline } from "./baseline.ts";

/** What stands in a line of a table. */
type Cells = readonly [name: string, measured: string, goal: string, verdict: string, last: string];

const HEAD: Cells = ["figure", "measured", "goal", "", "last release"];

/** All figures as one table in text. */
export function terminalTable(sections: readonly Section[], baseline: Baseline): string {
  const lines = sections.map(({ figures }) => figures.map((figure) => cellsOf(figure, baseline)));
  const rows = [HEAD, ...lines.flat()];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const text = (row: Cells): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [text(HEAD), ...lines.map((section) => section.map(text).join("\n"))].join("\n\n");
}

/** Figures as a Markdown table. */
export function markdownTable(figures: readonly Figure[], baseline: Baseline): string {
  const line = (cells: Cells): string => `| ${cells.join(" | ")} |`;
  return [
    line(HEAD),
    line(["---", "---", "---", "---", "---"]),
    ...figures.map((figure) => line(cellsOf(figure, baseline))),
  ].join("\n");
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
