/** What reading a plan's cells takes beside the likeliest next token. */
import type { Plan } from "./plan.ts";

/** Whether each cell has a row without its patch beside it, which its tokens are held against. */
export function isContrasted({ read }: Pick<Plan, "read">): boolean {
  return read.kind === "generate" && read.decoding?.contrast !== undefined;
}

/** Whether the distributions of all rows may be needed as a whole: for metrics, means over samples and draws. */
export function readsDistributions({
  read,
  metrics,
  noise,
}: Pick<Plan, "read" | "metrics" | "noise">): boolean {
  const isDrawing = read.kind === "generate" && read.decoding !== undefined;
  return isDrawing || metrics.length > 0 || (noise !== undefined && noise.samples > 1);
}
