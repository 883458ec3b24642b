/** Reads the target prompt with the source's text in the vector's place: plain runs that share nothing with the cells. */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedText } from "../plan/plan.ts";
import { isDrawing } from "../plan/reads.ts";
import { generate } from "./generate.ts";
import { grouped } from "./grouped.ts";
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

/** Texts whose keys and values are held at once. */
const TEXTS_AT_ONCE = 32;

/** What the model says to each text, in their order; those of one length are rows of the same passes. */
export async function readTextsOnly(
  texts: readonly PlannedText[],
  run: TextOnlyRun,
): Promise<readonly CellReadOut[]> {
  const said: CellReadOut[] = [];
  for (const alike of grouped(texts.entries(), ([, { tokens }]) => `${tokens.length}`).values()) {
    for (let from = 0; from < alike.length; from += TEXTS_AT_ONCE) {
      const some = alike.slice(from, from + TEXTS_AT_ONCE);
      const read = await readAlike(
        some.map(([, text]) => text),
        run,
      );
      for (const [at, [index]] of some.entries()) {
        const readOut = read[at];
        assert(readOut, "every text was read");
        said[index] = readOut;
      }
    }
  }
  return said;
}

/** Texts of the same length. */
async function readAlike(
  texts: readonly PlannedText[],
  run: TextOnlyRun,
): Promise<readonly CellReadOut[]> {
  const { plan, engine, signal } = run;
  const { read } = plan;
  const isGenerating = read.kind === "generate";
  const { read: readOut, cache } = await engine.run(
    {
      kind: "prefill",
      length: texts[0]?.tokens.length ?? 0,
      rows: texts.map(({ tokens }) => ({ tokens })),
      keep: isGenerating,
      read: {
        at: texts.map(({ readAt }, row) => ({ row, offset: readAt })),
        topK: read.topK,
        logits: isDrawing(plan),
      },
    },
    signal,
  );
  assert(readOut, "the texts were read");
  const next = texts.map((_, row) => topOf(readOut, row, read.topK));
  if (!isGenerating || cache === undefined) {
    run.onTokens?.(texts.length);
    return next.map((top) => ({ next: top, generated: [] }));
  }
  // Draws of their own: behind those of the cells and of the target without a patch.
  const numbers = texts.map(() => plan.cells.length + 1);
  const generated = await generate(
    { ...run, read, hasPriors: false, numbers, cells: texts.map(() => ({ hidden: [] })) },
    { cache, readOut, topK: read.topK },
  );
  return next.map((top, row) => ({ next: top, generated: [], ...generated[row] }));
}
