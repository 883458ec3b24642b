/** Reads the target prompt with the source's text in the vector's place: a plain run that shares nothing with the cells. */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedText } from "../plan/plan.ts";
import { generate } from "./generate.ts";
import { topOf } from "./next-token.ts";
import type { CellReadOut } from "./read-cells.ts";

export interface TextOnlyRun {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly endTokens: ReadonlySet<number>;
  readonly decode?: ((tokens: readonly number[]) => string) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onTokens?: ((tokens: number) => void) | undefined;
}

/** What the model says to the text. */
export async function readTextOnly(text: PlannedText, run: TextOnlyRun): Promise<CellReadOut> {
  const { plan, engine, signal } = run;
  const { read } = plan;
  const { tokens, readAt } = text;
  const isGenerating = read.kind === "generate";
  const { read: readOut, cache } = await engine.run(
    {
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      keep: isGenerating,
      read: {
        at: [{ row: 0, offset: readAt }],
        topK: read.topK,
        logits: isGenerating && read.decoding !== undefined,
      },
    },
    signal,
  );
  assert(readOut, "the text was read");
  const next = topOf(readOut, 0, read.topK);
  if (!isGenerating || cache === undefined) {
    run.onTokens?.(1);
    return { next, generated: [] };
  }
  // Draws of their own: behind those of the cells and of the target without a patch.
  const numbers = [plan.cells.length + 1];
  const [generated] = await generate(
    { ...run, read, hasPriors: false, numbers, cells: [{ hidden: [] }] },
    { cache, readOut, topK: read.topK },
  );
  return { next, generated: [], ...generated };
}
