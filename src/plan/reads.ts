/** What reading a plan's cells takes beside the likeliest next token. */
import type { Plan } from "./plan.ts";

/** Whether tokens are chosen from whole distributions, and not the likeliest each time. */
export function isDrawing({ read }: Pick<Plan, "read">): boolean {
  return read.kind === "generate" && read.decoding !== undefined;
}

/** Whether each cell has a row without its patch beside it, which its tokens are held against. */
export function isContrasted({ read }: Pick<Plan, "read">): boolean {
  return read.kind === "generate" && read.decoding?.contrast !== undefined;
}

/** Rows that each cell has in a batch. */
export function rowsPerCell(plan: Pick<Plan, "read">): number {
  return isContrasted(plan) ? 2 : 1;
}

/** Whether what a cell says is the mean over samples of noise. */
export function isSampled({ noise }: Pick<Plan, "noise">): boolean {
  return noise !== undefined && noise.samples > 1;
}

/** Whether the distributions of all rows may be needed as a whole: for metrics, means over samples and draws. */
export function readsDistributions(plan: Pick<Plan, "read" | "metrics" | "noise">): boolean {
  return isDrawing(plan) || plan.metrics.length > 0 || isSampled(plan);
}
