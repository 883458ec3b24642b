/**
 * Writes vectors into the rows of a batch. A vector that takes a state's place needs nothing; one that is mixed with it
 * needs the state that is there. Where a row joins the stack that is the clean target's; further up it is read in
 * passes of their own, with all writes below in effect.
 */
import type { Engine, Patch } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { entryOf } from "../plan/entry.ts";
import type { Plan, State, Write } from "../plan/plan.ts";
import { SITES } from "../site.ts";
import type { MapOf } from "./map-of.ts";
import type { CleanTarget, PatchedRow, RowToWrite } from "./target.ts";
import { cleanRow, inOnePass } from "./target.ts";
import { written } from "./write-mode.ts";

export interface WriteContext {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly target: CleanTarget;
  readonly mapOf: MapOf;
  /** First position and tokens of all rows. */
  readonly from: number;
  readonly length: number;
  readonly signal?: AbortSignal | undefined;
}

/** A row on its way: what is not written yet, from the bottom up. */
interface OpenRow {
  readonly patched: PatchedRow & { readonly patches: Omit<Patch, "row">[] };
  readonly pending: Placed[];
}

/** A vector and where it goes. */
interface Placed {
  readonly to: State;
  readonly vector: Float32Array;
}

/** The rows with their vectors in place; in ascending order of entry, as given. */
export async function writeRows(
  rows: readonly RowToWrite[],
  context: WriteContext,
): Promise<PatchedRow[]> {
  const open = rows.map((row) => openRow(row, context));
  for (;;) {
    const waiting = open.filter(({ pending }) => pending.length > 0);
    if (waiting.length === 0) return open.map(({ patched }) => patched);
    await writeNext(open, context);
  }
}

/** Writes what can be written without a pass. */
function openRow(given: RowToWrite, { plan, target, mapOf }: WriteContext): OpenRow {
  const { cell, vectorOf } = given;
  const { layers, hiddenSize } = plan.shape;
  const states = cleanRow(given, target, layers);
  const patches: Omit<Patch, "row">[] = [];
  const pending: Placed[] = [];
  const writes = plan.compat?.isUnpatched === true ? [] : cell.writes;
  const placed = writes.flatMap((write) => {
    const vector = mapOf(write, vectorOf(write));
    return placesOf(write, cell).map((to): Placed => ({ to, vector }));
  });
  const inStackOrder = placed.toSorted((a, b) => heightOf(a) - heightOf(b));
  for (const { to, vector } of plan.mode === "replace" ? placed : inStackOrder) {
    const { site, layer, position } = to;
    const offset = position - cell.from;
    const isResidual = site === "resid_pre" || site === "resid_post";
    if (isResidual && entryOf(to) === cell.entry) {
      const there = states.subarray(offset * hiddenSize, (offset + 1) * hiddenSize);
      there.set(written(plan.mode, vector, there));
    } else if (plan.mode === "replace") {
      patches.push({ site, layer, offset, vector });
    } else {
      pending.push({ to, vector });
    }
  }
  const row = { entry: cell.entry, states };
  return { patched: { row, patches, hidden: cell.hidden, own: cell.own }, pending };
}

/**
 * Where a vector goes: where the write says, and with overwriting also into what each block below reads, at the
 * lowest place that is written at its position; between two of them the vector is in effect already.
 */
function placesOf({ to }: Write, { writes, isOverwriting }: RowToWrite["cell"]): readonly State[] {
  if (!isOverwriting) return [to];
  const here = writes.filter((write) => write.to.position === to.position);
  if (here.some((write) => heightOf(write) < heightOf({ to }))) return [to];
  const blocks = to.site === "resid_pre" ? to.layer : to.layer + 1;
  const below = Array.from({ length: blocks }, (_, layer): State => ({
    site: "resid_pre",
    layer,
    position: to.position,
  }));
  return [...below, to];
}

/** One pass reads, for each row, the states at its lowest place that is not written yet. */
async function writeNext(open: readonly OpenRow[], context: WriteContext): Promise<void> {
  const { plan, engine, target, from, length, signal } = context;
  const { hiddenSize } = plan.shape;
  const places = new Map(
    open.flatMap(({ pending: [next] }) =>
      next === undefined ? [] : [[heightOf(next), next.to] as const],
    ),
  );
  const taps = [...places.values()].map(({ site, layer }) => ({ site, layer }));
  const output = await engine.run(
    {
      kind: "prefill",
      context: { cache: target.cache, length: from },
      length,
      ...inOnePass(
        open.map(({ patched }) => patched),
        { plan, target, from, length },
      ),
      taps,
    },
    signal,
  );
  const heights = [...places.keys()];
  for (const [index, { patched, pending }] of open.entries()) {
    const [first] = pending;
    if (first === undefined) continue;
    const height = heightOf(first);
    const states = output.taps[heights.indexOf(height)];
    assert(states, "the states at the place were read");
    while (pending[0] !== undefined && heightOf(pending[0]) === height) {
      const next = pending.shift();
      assert(next, "there is a next write");
      const { site, layer, position } = next.to;
      const offset = position - from;
      const at = (index * length + offset) * hiddenSize;
      // A second write of the same place meets what the first one left there.
      const there = states.subarray(at, at + hiddenSize);
      there.set(written(plan.mode, next.vector, there));
      patched.patches.push({ site, layer, offset, vector: there.slice() });
    }
  }
}

/** Orders the places of a stack from the bottom up; a block's input is what the block before puts out. */
function heightOf({ to: { site, layer } }: Pick<Placed, "to">): number {
  return site === "resid_pre"
    ? layer * SITES.length - 1
    : layer * SITES.length + ORDER.indexOf(site);
}

const ORDER: readonly string[] = ["attn_out", "resid_mid", "mlp_out", "resid_post"];
