/**
 * Which cells run in one pass: those whose rows begin at the same position stand behind the same shared part of
 * the target prompt and are equally long.
 */
import type { Plan } from "./plan.ts";

/** Cells whose rows join one pass. */
export interface CellGroup {
  /** Where the rows begin in the target prompt; all before is the clean target run's. */
  readonly from: number;
  /** Tokens of each row: up to the end of the target prompt. */
  readonly length: number;
  /** Indices into the plan's cells, in ascending order of their entry. */
  readonly cells: readonly number[];
}

// Enough for matrix products to run at full speed, and little memory: 1,024 rows of a vocabulary are never kept.
const MAX_TOKENS = 1024;
// Where all states behind all blocks are looked at, they are held until the pass is done.
const MAX_COMPARED_TOKENS = 256;
// Rows that go on generating keep their keys and values: 128 of them are fast, and bound the memory.
const MAX_GENERATING_ROWS = 128;
// Metrics and means over samples may: as many as are read at once.
const MAX_MEASURED_ROWS = 64;
// Draws need the whole distribution of every row.
const MAX_DRAWING_ROWS = 32;

/** The cells of a plan in passes of at most `maxTokens` tokens (but at least one row). */
export function groupCells(
  plan: Plan,
  options: { readonly maxTokens?: number } = {},
): readonly CellGroup[] {
  const most = plan.read.kind === "propagation" ? MAX_COMPARED_TOKENS : MAX_TOKENS;
  const maxTokens = options.maxTokens ?? most;
  const maxRows = maxRowsOf(plan);
  const byFrom = new Map<number, number[]>();
  for (const [index, { from }] of plan.cells.entries()) {
    const cells = byFrom.get(from) ?? [];
    byFrom.set(from, cells);
    cells.push(index);
  }
  return [...byFrom].flatMap(([from, cells]) => {
    const length = plan.target.tokens.length - from;
    const rows = Math.min(maxRows, Math.max(1, Math.floor(maxTokens / length)));
    const entryOf = (cell: number): number => plan.cells[cell]?.entry ?? 0;
    const sorted = cells.toSorted((a, b) => entryOf(a) - entryOf(b));
    return Array.from({ length: Math.ceil(sorted.length / rows) }, (_, batch) => ({
      from,
      length,
      cells: sorted.slice(batch * rows, (batch + 1) * rows),
    }));
  });
}

function maxRowsOf({ read, metrics, noise }: Plan): number {
  const isWhole = metrics.length > 0 || (noise !== undefined && noise.samples > 1);
  if (read.kind !== "generate") return isWhole ? MAX_MEASURED_ROWS : Infinity;
  if (read.decoding === undefined) return isWhole ? MAX_MEASURED_ROWS : MAX_GENERATING_ROWS;
  // Each cell has a row without its patch beside it then.
  return read.decoding.contrast === undefined ? MAX_DRAWING_ROWS : MAX_DRAWING_ROWS / 2;
}
