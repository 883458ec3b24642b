/** The clean run of the target prompt: what every cell shares, and what it says without a patch. */
import type { Cache, Engine, Patch, PrefillPass, ReadOut, Row } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedCell, Write } from "../plan/plan.ts";
import { comparedLayers } from "../plan/propagation.ts";
import { blockedEdges, CLEAN_ROW, type BlockedRow } from "./blocked.ts";
import { askFor, distributionOf, type Distribution, type MetricNeed } from "./distribution.ts";
import type { Replacements } from "./replacements.ts";
import { placeKey, PromptStates } from "./vectors.ts";

/** Chooses the vector of a write: the source's state, or a control's in its place. */
export type VectorOf = (write: Write) => Float32Array;

export interface CleanTarget {
  readonly cache: Cache;
  /** What interventions replace in this run and in all rows. */
  readonly replacements: Replacements;
  /** States at the blocks where rows join. */
  readonly states: PromptStates;
  /** Read at `readPositions`, in that order. */
  readonly readOut: ReadOut;
  readonly readPositions: readonly number[];
  /** The next token's distribution at one of these, as far as metrics need it. */
  readonly distributionAt: (position: number) => Distribution;
}

/** Runs the target once and keeps its keys, values and the states that rows start from. */
export async function runCleanTarget(
  plan: Plan,
  engine: Engine,
  given: {
    readonly need: MetricNeed;
    readonly sourceTop: number | undefined;
    readonly replacements: Replacements;
  },
  signal?: AbortSignal,
): Promise<CleanTarget> {
  const { tokens } = plan.target;
  const { topK } = plan.read;
  const { vocabSize } = plan.shape;
  const readPositions = [...new Set([tokens.length - 1, ...plan.cells.map((cell) => cell.readAt)])];
  const entries = new Set([
    plan.shape.layers,
    ...plan.cells.map((cell) => cell.entry),
    // What is behind a block is what the next one reads.
    ...(plan.read.kind === "propagation"
      ? plan.cells.flatMap((cell) => comparedLayers(plan, cell).map((layer) => layer + 1))
      : []),
  ]);
  const taps = [...entries].map((entry) => joinPlace(entry, plan.shape.layers));
  const asked = askFor(given.need, readPositions.length, given.sourceTop);
  const output = await engine.run(
    {
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      blocked: blockedEdges(plan, [CLEAN_ROW], { from: 0, length: tokens.length }),
      patches: given.replacements.everywhere.map(({ position, ...state }) => ({
        ...state,
        row: 0,
        offset: position,
      })),
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
    taps.map((place, index) => [placeKey(place), output.taps[index] ?? new Float32Array(0)]),
  );
  return {
    replacements: given.replacements,
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
  readonly own: BlockedRow["own"];
}

/** A cell's row before anything is written into it. */
export interface RowToWrite {
  readonly cell: Pick<
    PlannedCell,
    "writes" | "entry" | "from" | "hidden" | "isOverwriting" | "own"
  >;
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
  const clean = target.states.from({ ...joinPlace(cell.entry, layers), position: cell.from });
  const row = new Float32Array(clean.length + (tail?.length ?? 0));
  row.set(clean);
  if (tail !== undefined) row.set(tail, clean.length);
  return row;
}

/** Rows with their patches and blocked edges as a pass takes them; the rows begin at position `from`. */
export function inOnePass(
  rows: readonly PatchedRow[],
  on: {
    readonly plan: Plan;
    readonly target: CleanTarget;
    readonly from: number;
    readonly length: number;
  },
): Pick<PrefillPass, "rows" | "patches" | "blocked"> {
  const { plan, target, ...span } = on;
  const blockedRows = rows.map(({ row, hidden, own }): BlockedRow => ({
    entry: row.entry,
    hidden,
    ...(own && { own }),
  }));
  return {
    blocked: blockedEdges(plan, blockedRows, span),
    rows: rows.map(({ row }) => row),
    // A later patch of the same place wins: what a cell writes.
    patches: rows.flatMap((each, row) =>
      [...replacedIn(each, target.replacements, span), ...each.patches].map((patch) => ({
        ...patch,
        row,
      })),
    ),
  };
}

/** What is replaced in a row above the block where it enters; below, the clean run has it already. */
function replacedIn(
  { row, own }: PatchedRow,
  replacements: Replacements,
  { from, length }: { readonly from: number; readonly length: number },
): readonly Omit<Patch, "row">[] {
  return [...replacements.everywhere, ...replacements.of(own?.ablations ?? [])]
    .filter(
      ({ site, layer, position }) =>
        position >= from &&
        position < from + length &&
        layer >= row.entry &&
        // What a row begins with may be written over already.
        !(site === "resid_pre" && layer === row.entry),
    )
    .map(({ position, ...state }) => ({ ...state, offset: position - from }));
}
