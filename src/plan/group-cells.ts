/**
 * Which cells run in one pass: those whose rows begin at the same position stand behind the same shared part of
 * the target prompt and are equally long.
 */
import type { Plan } from "./plan.ts";
import { isDrawing, readsDistributions, rowsPerCell } from "./reads.ts";
import { spreadLevels } from "./spread.ts";

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
// Rows that go on generating keep the keys and values of so many tokens at most, which bounds the memory. The more rows,
// the more have their beginnings in common, which are computed once; few are slow, however long they are.
const MAX_KEPT_TOKENS = 5400;
const MAX_GENERATING_ROWS = 225;
const MIN_GENERATING_ROWS = 64;
// Metrics and means over samples may: as many as are read at once.
const MAX_MEASURED_ROWS = 64;
// Draws need the whole distribution of every row.
const MAX_DRAWING_ROWS = 32;

export interface GroupOptions {
  /** Tokens of all rows of a pass, and rows of a batch; there is always one row. */
  readonly maxTokens?: number | undefined;
  readonly maxRows?: number | undefined;
  /** Whether somebody waits for the first cells: then a few that show most come first, and the others fill in. */
  readonly isWatched?: boolean | undefined;
  /** Cells that are there already. */
  readonly without?: ReadonlySet<number> | undefined;
}

/** The cells of a plan in passes. */
export function groupCells(plan: Plan, options: GroupOptions = {}): readonly CellGroup[] {
  const { isWatched = false, without } = options;
  const most = plan.read.kind === "propagation" ? MAX_COMPARED_TOKENS : MAX_TOKENS;
  const maxTokens = Math.min(options.maxTokens ?? most, most);
  const levels = isWatched ? spreadLevels(plan) : [];
  const levelOf = (cell: number): number => levels[cell] ?? 0;
  const entryOf = (cell: number): number => plan.cells[cell]?.entry ?? 0;
  const byFrom = new Map<number, number[]>();
  for (const [index, { from }] of plan.cells.entries()) {
    if (without?.has(index) === true) continue;
    const cells = byFrom.get(from) ?? [];
    byFrom.set(from, cells);
    cells.push(index);
  }
  let first = isWatched ? FIRST_ROWS[plan.read.kind] : Infinity;
  const soonest = (cells: readonly number[]): number => Math.min(...cells.map(levelOf));
  return [...byFrom]
    .toSorted(([, a], [, b]) => soonest(a) - soonest(b))
    .flatMap(([from, cells]) => {
      const length = plan.target.tokens.length - from;
      const maxRows = Math.min(options.maxRows ?? Infinity, maxRowsOf(plan, length));
      const rows = Math.min(maxRows, Math.max(1, Math.floor(maxTokens / length)));
      const sorted = cells.toSorted((a, b) => levelOf(a) - levelOf(b) || entryOf(a) - entryOf(b));
      const groups: CellGroup[] = [];
      for (let start = 0; start < sorted.length;) {
        // Of about the same size: a short last one would be slow.
        const left = sorted.length - start;
        const even = Math.ceil(left / Math.ceil(left / rows));
        const some = sorted.slice(start, start + Math.min(even, first));
        // Rows join the stack in the order of their entry.
        groups.push({ from, length, cells: some.toSorted((a, b) => entryOf(a) - entryOf(b)) });
        start += some.length;
        first = Infinity;
      }
      return groups;
    });
}

/** Where somebody waits, the first batch has so many rows: few enough to be there at once. */
const FIRST_ROWS = {
  generate: 16,
  "next-token": 32,
  propagation: 16,
  neighbours: Infinity,
} as const;

/** Rows of a batch, each with so many tokens of the prompt. */
function maxRowsOf(plan: Plan, length: number): number {
  if (isDrawing(plan)) return MAX_DRAWING_ROWS / rowsPerCell(plan);
  if (readsDistributions(plan)) return MAX_MEASURED_ROWS;
  const { read } = plan;
  if (read.kind !== "generate") return Infinity;
  const kept = Math.floor(MAX_KEPT_TOKENS / (length + read.maxTokens));
  return Math.min(MAX_GENERATING_ROWS, Math.max(MIN_GENERATING_ROWS, kept));
}
