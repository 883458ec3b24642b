/**
 * Plans that ask the same of different sources are one plan: their sources' tokens stand side by side as if they were
 * the positions of a single prompt, and all their cells are rows of the same passes.
 */
import { assert } from "../errors.ts";
import type { Plan, PlannedCell, State } from "./plan.ts";
import { isDrawing } from "./reads.ts";

/** Several plans as one. */
export interface MergedPlan {
  readonly plan: Plan;
  /** Where each plan's source begins among the positions of all, and its cells among all cells. */
  readonly parts: readonly { readonly position: number; readonly cell: number }[];
}

/**
 * What plans have in common that can be merged; undefined where a plan runs alone, as what it reads or draws
 * follows from more of its source than the states that it writes.
 */
export function mergeKey(plan: Plan): string | undefined {
  const isAlone =
    plan.source.file !== undefined ||
    plan.sources.length > 0 ||
    plan.metrics.length > 0 ||
    plan.noise !== undefined ||
    plan.compat !== undefined ||
    isDrawing(plan);
  if (isAlone) return undefined;
  const { source, capture, cells, isSourceComparable, warnings, controls, ...common } = plan;
  // Each has a text of its own, which is read beside the cells.
  const { textOnly, ...shared } = controls;
  return JSON.stringify({ ...common, shared });
}

/** Merges plans with the same key, in their order; what each says to its text alone is not in it. */
export function mergePlans(plans: readonly Plan[]): MergedPlan {
  const [first] = plans;
  assert(first, "there are plans");
  const parts: { position: number; cell: number }[] = [];
  const cells: PlannedCell[] = [];
  const states = new Map<string, Plan["capture"]["states"][number]>();
  let position = 0;
  for (const plan of plans) {
    parts.push({ position, cell: cells.length });
    for (const cell of plan.cells) cells.push(movedCell(cell, position));
    for (const state of plan.capture.states) states.set(`${state.site}.${state.layer}`, state);
    position += plan.capture.tokens.length;
  }
  const capture = { tokens: [], states: [...states.values()] };
  const controls = { ...first.controls, textOnly: undefined };
  return { plan: { ...first, cells, capture, controls }, parts };
}

function movedCell(cell: PlannedCell, by: number): PlannedCell {
  const moved = (from: State): State => ({ ...from, position: from.position + by });
  return { ...cell, writes: cell.writes.map((write) => ({ ...write, from: moved(write.from) })) };
}
