/** What the pages of measurements have in common: rates with their intervals, tables. */
import type { Rate } from "../measure/intervals.ts";

/** `57% (40–73), n 32`; without trials, a dash. */
export function rateText({ rate, low, high, trials }: Rate): string {
  if (trials === 0) return "–";
  return `${percent(rate)} (${(100 * low).toFixed(0)}–${(100 * high).toFixed(0)})`;
}

/** `57%`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}

/** A table in Markdown; columns are as wide as they need to be, as Prettier has them. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => columnsOf(row[column] ?? ""))),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => padTo(row[column] ?? "", width)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

function padTo(text: string, width: number): string {
  return text + " ".repeat(width - columnsOf(text));
}

/** Korean letters take two columns. */
function columnsOf(text: string): number {
  return text.length + (text.match(/\p{Script=Hangul}/gu)?.length ?? 0);
}
