/** Goes on from prefilled rows, one token of each at a time; a row that has ended leaves the batch. */
import type { Cache, Engine, ReadOut } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import type { ReadSpec } from "../spec/spec.ts";
import { blockedLooks } from "./blocked.ts";
import { chanceOf, drawToken, type ScoredToken } from "./next-token.ts";

export interface Generation {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly read: Extract<ReadSpec, { kind: "generate" }>;
  /** Each row's. */
  readonly cells: readonly Pick<PlannedCell, "hidden" | "own">[];
  /** Each row's cell number in the plan, which its draws follow from. */
  readonly numbers: readonly number[];
  readonly endTokens: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the number of tokens that rows have got since the last call. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
}

/** Rows that have been read, with the candidates for their first token. */
export interface Prefilled {
  readonly cache: Cache;
  readonly readOut: ReadOut;
  /** Candidates of each row. */
  readonly topK: number;
}

/** The tokens of each row, the first one too. Disposes of the cache, also where it is stopped. */
export async function generate(
  generation: Generation,
  prefilled: Prefilled,
): Promise<ScoredToken[][]> {
  const { engine, read } = generation;
  const texts = generation.numbers.map((_, row) => [
    nextToken(generation, prefilled, { row, index: row, step: 0 }),
  ]);
  const isOpen = (row: number): boolean => {
    const last = texts[row]?.at(-1);
    return last !== undefined && (read.ignoreEos || !generation.endTokens.has(last.token));
  };
  let { cache } = prefilled;
  try {
    let active = texts.map((_, row) => row);
    generation.onTokens?.(active.length);
    for (let step = 1; step < read.maxTokens; step++) {
      const open = active.filter(isOpen);
      if (open.length === 0) break;
      if (open.length < active.length) {
        const kept = engine.select(
          cache,
          open.map((row) => active.indexOf(row)),
        );
        cache.dispose();
        cache = kept;
        active = open;
      }
      const readOut = await decodeStep(generation, cache, { active, texts });
      for (const [index, row] of active.entries()) {
        texts[row]?.push(nextToken(generation, { readOut, topK: 1 }, { row, index, step }));
      }
      generation.onTokens?.(active.length);
    }
  } finally {
    cache.dispose();
  }
  return texts;
}

/** One more token of the rows that go on. */
async function decodeStep(
  { plan, engine, read, cells, signal }: Generation,
  cache: Cache,
  {
    active,
    texts,
  }: { readonly active: readonly number[]; readonly texts: readonly (readonly ScoredToken[])[] },
): Promise<ReadOut> {
  const output = await engine.run(
    {
      kind: "decode",
      cache,
      tokens: Int32Array.from(active, (row) => texts[row]?.at(-1)?.token ?? 0),
      blocked: blockedLooks(
        plan,
        active.map((row) => cells[row] ?? { hidden: [] }),
        cache.length,
      ),
      read: {
        at: active.map((_, row) => ({ row, offset: 0 })),
        topK: 1,
        logits: read.decoding !== undefined,
      },
    },
    signal,
  );
  assert(output.read, "a step was read");
  return output.read;
}

/** A row's token at a step: the likeliest, or one that is drawn. `index` is its place among the rows that were read. */
function nextToken(
  { plan, read, numbers }: Generation,
  { readOut, topK }: Pick<Prefilled, "readOut" | "topK">,
  { row, index, step }: { readonly row: number; readonly index: number; readonly step: number },
): ScoredToken {
  const { vocabSize } = plan.shape;
  if (read.decoding === undefined) {
    const token = readOut.topTokens[index * topK];
    const logprob = readOut.topLogprobs[index * topK];
    assert(token !== undefined && logprob !== undefined, "every row has a likeliest token");
    return { token, logprob };
  }
  const logits = readOut.logits?.subarray(index * vocabSize, (index + 1) * vocabSize);
  assert(logits, "draws need logits");
  return drawToken(logits, read.decoding, chanceOf(plan.seed, numbers[row] ?? 0, step));
}
