/** Where a written state enters the stack: what the plan sorts rows by, and what the run places vectors by. */
import type { State } from "./plan.ts";

/** The first block that runs differently when a state is written: a block's output changes what the next one reads. */
export function entryOf(state: Pick<State, "site" | "layer">): number {
  return state.site === "resid_post" ? state.layer + 1 : state.layer;
}
