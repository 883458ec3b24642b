/** Goes on from prefilled rows, one token of each at a time; a row that has ended leaves the batch. */
import type { Cache, Engine, ReadOut } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import type { ReadSpec } from "../spec/spec.ts";
import { blockedLooks } from "./blocked.ts";
import { chanceOf, drawToken, type ScoredToken } from "./next-token.ts";
import { stoppedText } from "./stop-text.ts";

export interface Generation {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly read: Extract<ReadSpec, { kind: "generate" }>;
  /** Each row's. */
  readonly cells: readonly Pick<PlannedCell, "hidden">[];
  /** Each row's cell number in the plan, which its draws follow from. */
  readonly numbers: readonly number[];
  readonly endTokens: ReadonlySet<number>;
  /** What tokens write together; needed where the spec has stop strings. */
  readonly decode?: ((tokens: readonly number[]) => string) | undefined;
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

/** What a row says. */
export interface GeneratedText {
  /** The first one too; none that only write a stop string or what comes behind it. */
  readonly generated: readonly ScoredToken[];
  /** Set where a stop string came: how much of what the tokens write stands before it, in UTF-16 code units. */
  readonly textLength?: number;
}

/** The text of each row. Disposes of the cache. */
export async function generate(
  generation: Generation,
  prefilled: Prefilled,
): Promise<GeneratedText[]> {
  const { engine, read, signal } = generation;
  const texts = generation.numbers.map((_, row) => [
    nextToken(generation, prefilled, { row, index: row, step: 0 }),
  ]);
  const isOpen = (row: number): boolean => {
    const last = texts[row]?.at(-1);
    const isEnd = last === undefined || generation.endTokens.has(last.token);
    return (read.ignoreEos || !isEnd) && stopOf(texts[row] ?? [], generation) === undefined;
  };
  let { cache } = prefilled;
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
    const tokens = Int32Array.from(active, (row) => texts[row]?.at(-1)?.token ?? 0);
    const at = active.map((_, row) => ({ row, offset: 0 }));
    const output = await engine.run(
      {
        kind: "decode",
        cache,
        tokens,
        blocked: blockedLooks(
          generation.plan,
          active.map((row) => generation.cells[row] ?? { hidden: [] }),
          cache.length,
        ),
        read: { at, topK: 1, logits: read.decoding !== undefined },
      },
      signal,
    );
    assert(output.read, "a step was read");
    for (const [index, row] of active.entries()) {
      const from = { readOut: output.read, topK: 1 };
      texts[row]?.push(nextToken(generation, from, { row, index, step }));
    }
    generation.onTokens?.(active.length);
  }
  cache.dispose();
  return texts.map((text): GeneratedText => {
    const stop = stopOf(text, generation);
    if (stop === undefined) return { generated: text };
    return { generated: text.slice(0, stop.tokens), textLength: stop.length };
  });
}

function stopOf(
  text: readonly ScoredToken[],
  { read, decode }: Generation,
): ReturnType<typeof stoppedText> {
  if (read.stop === undefined) return undefined;
  assert(decode, "stop strings need texts");
  return stoppedText(
    text.map(({ token }) => token),
    read.stop,
    decode,
  );
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
