/** The clean run of the target prompt: what every cell shares, and what it says without a patch. */
import type { Cache, Engine, Patch, PrefillPass, ReadOut, Row } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { entryOf } from "../plan/entry.ts";
import type { Plan, PlannedCell, Write } from "../plan/plan.ts";
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
}

/** Runs the target once and keeps its keys, values and the states that rows start from. */
export async function runCleanTarget(
  plan: Plan,
  engine: Engine,
  topK: number,
  signal?: AbortSignal,
): Promise<CleanTarget> {
  const { tokens } = plan.target;
  const readPositions = [...new Set([tokens.length - 1, ...plan.cells.map((cell) => cell.readAt)])];
  const entries = new Set([plan.shape.layers, ...plan.cells.map((cell) => cell.entry)]);
  const taps = [...entries].map((entry) => joinPlace(entry, plan.shape.layers));
  const output = await engine.run(
    {
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      taps,
      keep: true,
      read: { at: readPositions.map((offset) => ({ row: 0, offset })), topK },
    },
    signal,
  );
  assert(output.cache, "the target's cache was kept");
  assert(output.read, "the target was read");
  const states = new Map(
    taps.map(({ site, layer }, index) => [
      `${site}.${layer}`,
      output.taps[index] ?? new Float32Array(0),
    ]),
  );
  return {
    cache: output.cache,
    states: new PromptStates(tokens, plan.shape.hiddenSize, states),
    readOut: output.read,
    readPositions,
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
  readonly row: Row;
  readonly patches: readonly Omit<Patch, "row">[];
}

/**
 * The row of a cell from its first written position on: clean states at its entry block, vectors written over them.
 * `tail` continues the target with further clean states (`[tokens, hidden]` at the entry block), to score a text.
 */
export function patchedRow(parts: {
  readonly cell: Pick<PlannedCell, "writes" | "entry" | "from">;
  readonly target: CleanTarget;
  readonly layers: number;
  readonly vectorOf: VectorOf;
  readonly tail?: Float32Array;
}): PatchedRow {
  const { cell, target, layers, vectorOf, tail } = parts;
  const { states } = target;
  const count = states.tokens.length - cell.from;
  const hiddenSize = states.at({ ...joinPlace(cell.entry, layers), position: 0 }).length;
  const row = new Float32Array(count * hiddenSize + (tail?.length ?? 0));
  for (let offset = 0; offset < count; offset++) {
    const clean = states.at({ ...joinPlace(cell.entry, layers), position: cell.from + offset });
    row.set(clean, offset * hiddenSize);
  }
  row.set(tail ?? [], count * hiddenSize);
  const patches: Omit<Patch, "row">[] = [];
  for (const write of cell.writes) {
    const { site, layer, position } = write.to;
    const offset = position - cell.from;
    const vector = vectorOf(write);
    if (entryOf(write.to) === cell.entry && (site === "resid_pre" || site === "resid_post")) {
      row.set(vector, offset * hiddenSize);
    } else {
      patches.push({ site, layer, offset, vector });
    }
  }
  return { row: { entry: cell.entry, states: row }, patches };
}

/** Rows and their patches as a pass takes them. */
export function inOnePass(rows: readonly PatchedRow[]): Pick<PrefillPass, "rows" | "patches"> {
  return {
    rows: rows.map(({ row }) => row),
    patches: rows.flatMap(({ patches }, row) => patches.map((patch) => ({ ...patch, row }))),
  };
}
