/** The clean run of the target prompt: what every cell shares, and what it says without a patch. */
import type { Cache, Engine, Patch, PrefillPass, ReadOut, Row } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedCell, Write } from "../plan/plan.ts";
import { blockedEdges, CLEAN_ROW, type BlockedRow } from "./blocked.ts";
import { askFor, distributionOf, type Distribution, type MetricNeed } from "./distribution.ts";
import { PromptStates } from "./vectors.ts";

/** Chooses the vector of a write: the source's state, or a control's in its place. */
export type VectorOf = (write: Write) => Float32Array;

export interface CleanTarget {
  readonly cache: Cache;
  /** States at the blocks where rows join. */
  readonly states: PromptStates;
  /** Read at `readPositions`, in that order. */
  readonly readOut: ReadOut;
  readonly readPositions: readonly number[];
  /** The next token's distribution at one of these, as far as metrics need it. */
  distributionAt(position: number): Distribution;
}

/** Runs the target once and keeps its keys, values and the states that rows start from. */
export async function runCleanTarget(
  plan: Plan,
  engine: Engine,
  { need, sourceTop }: { readonly need: MetricNeed; readonly sourceTop: number | undefined },
  signal?: AbortSignal,
): Promise<CleanTarget> {
  const { tokens } = plan.target;
  const { topK } = plan.read;
  const { vocabSize } = plan.shape;
  const readPositions = [...new Set([tokens.length - 1, ...plan.cells.map((cell) => cell.readAt)])];
  const entries = new Set([plan.shape.layers, ...plan.cells.map((cell) => cell.entry)]);
  const taps = [...entries].map((entry) => joinPlace(entry, plan.shape.layers));
  const asked = askFor(need, readPositions.length, sourceTop);
  const output = await engine.run(
    {
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      blocked: blockedEdges(plan, [CLEAN_ROW], { from: 0, length: tokens.length }),
      taps,
      keep: true,
      read: { at: readPositions.map((offset) => ({ row: 0, offset })), topK, ...asked },
    },
    signal,
  );
  assert(output.cache, "the target's cache was kept");
  const { read: readOut } = output;
  assert(readOut, "the target was read");
  const states = new Map(
    taps.map(({ site, layer }, index) => [
      `${site}.${layer}`,
      output.taps[index] ?? new Float32Array(0),
    ]),
  );
  return {
    cache: output.cache,
    states: new PromptStates(tokens, plan.shape.hiddenSize, states),
    readOut,
    readPositions,
    distributionAt: (position) => {
      const index = readPositions.indexOf(position);
      return distributionOf(readOut, index, { topK, vocabSize, tracked: asked.tracked });
    },
  };
}

/** The state that a row entering at `entry` starts from; after the last block it is that block's output. */
export function joinPlace(
  entry: number,
  layers: number,
): { readonly site: "resid_pre" | "resid_post"; readonly layer: number } {
  return entry === layers
    ? { site: "resid_post", layer: layers - 1 }
    : { site: "resid_pre", layer: entry };
}

/** A row of a pass and the patches that are made on its way up. */
export interface PatchedRow {
  readonly row: Extract<Row, { readonly entry: number }>;
  readonly patches: readonly Omit<Patch, "row">[];
  readonly hidden: BlockedRow["hidden"];
}

/** A cell's row before anything is written into it. */
export interface RowToWrite {
  readonly cell: Pick<PlannedCell, "writes" | "entry" | "from" | "hidden">;
  readonly vectorOf: VectorOf;
  /** Further clean states behind the target, to score a text: `[tokens, hidden]` at the entry block. */
  readonly tail?: Float32Array;
}

/** The clean states of a cell's row, from its first written position on, `[tokens, hidden]` at its entry block. */
export function cleanRow(
  { cell, tail }: Omit<RowToWrite, "vectorOf">,
  target: CleanTarget,
  layers: number,
): Float32Array {
  const { states } = target;
  const count = states.tokens.length - cell.from;
  const place = joinPlace(cell.entry, layers);
  const hiddenSize = states.at({ ...place, position: 0 }).length;
  const row = new Float32Array(count * hiddenSize + (tail?.length ?? 0));
  for (let offset = 0; offset < count; offset++) {
    row.set(states.at({ ...place, position: cell.from + offset }), offset * hiddenSize);
  }
  row.set(tail ?? [], count * hiddenSize);
  return row;
}

/** Rows with their patches and blocked edges as a pass takes them; the rows begin at position `from`. */
export function inOnePass(
  rows: readonly PatchedRow[],
  { plan, ...span }: { readonly plan: Plan; readonly from: number; readonly length: number },
): Pick<PrefillPass, "rows" | "patches" | "blocked"> {
  const blockedRows = rows.map(({ row, hidden }): BlockedRow => ({ entry: row.entry, hidden }));
  return {
    blocked: blockedEdges(plan, blockedRows, span),
    rows: rows.map(({ row }) => row),
    patches: rows.flatMap(({ patches }, row) => patches.map((patch) => ({ ...patch, row }))),
  };
}
