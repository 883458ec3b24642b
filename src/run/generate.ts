/** Goes on from prefilled rows, one token of each at a time; a row that has ended leaves the batch. */
import type { Cache, Engine, ReadOut } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import type { ReadSpec } from "../spec/spec.ts";
import { blockedLooks } from "./blocked.ts";
import { bestOf, contrasted, logprobIn } from "./contrast-decoding.ts";
import { chanceOf, drawToken, type ScoredToken } from "./next-token.ts";
import { stoppedText } from "./stop-text.ts";

export interface Generation {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly read: Extract<ReadSpec, { kind: "generate" }>;
  /** Each row's. */
  readonly cells: readonly Pick<PlannedCell, "hidden" | "own">[];
  /** Each row's cell number in the plan, which its draws follow from. */
  readonly numbers: readonly number[];
  /** Whether behind the rows of the cells the same target stands without a patch, once for each of them, in their order. */
  readonly hasPriors: boolean;
  readonly endTokens: ReadonlySet<number>;
  /** What tokens write together; needed where the spec has stop strings. */
  readonly decode?: ((tokens: readonly number[]) => string) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the number of tokens that rows have got since the last call. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
  /** Called after each step with all rows' tokens so far. */
  readonly onTexts?: ((texts: readonly (readonly ScoredToken[])[]) => void) | undefined;
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

/** The text of each row. Disposes of the cache, also where it is stopped. */
export async function generate(
  generation: Generation,
  prefilled: Prefilled,
): Promise<GeneratedText[]> {
  const { engine, read, hasPriors } = generation;
  const count = generation.numbers.length;
  const texts = generation.numbers.map((_, row) => [
    nextToken(generation, prefilled, { row, index: row, count, step: 0 }),
  ]);
  const isOpen = (row: number): boolean => {
    const last = texts[row]?.at(-1);
    const isEnd = last === undefined || generation.endTokens.has(last.token);
    return (read.ignoreEos || !isEnd) && stopOf(texts[row] ?? [], generation) === undefined;
  };
  let { cache } = prefilled;
  try {
    let active = texts.map((_, row) => row);
    generation.onTokens?.(active.length);
    generation.onTexts?.(texts);
    for (let step = 1; step < read.maxTokens; step++) {
      const open = active.filter(isOpen);
      if (open.length === 0) break;
      if (open.length < active.length) {
        const places = open.map((row) => active.indexOf(row));
        const priors = hasPriors ? places.map((place) => active.length + place) : [];
        const kept = engine.select(cache, [...places, ...priors]);
        cache.dispose();
        cache = kept;
        active = open;
      }
      const readOut = await decodeStep(generation, cache, { active, texts });
      for (const [index, row] of active.entries()) {
        const place = { row, index, count: active.length, step };
        texts[row]?.push(nextToken(generation, { readOut, topK: 1 }, place));
      }
      generation.onTokens?.(active.length);
      generation.onTexts?.(texts);
    }
  } finally {
    cache.dispose();
  }
  return texts.map((text): GeneratedText => {
    const stop = stopOf(text, generation);
    if (stop === undefined) return { generated: text };
    return { generated: text.slice(0, stop.tokens), textLength: stop.length };
  });
}

/** One more token of the rows that go on, and of those that they are held against. */
async function decodeStep(
  { plan, engine, read, cells, hasPriors, signal }: Generation,
  cache: Cache,
  {
    active,
    texts,
  }: { readonly active: readonly number[]; readonly texts: readonly (readonly ScoredToken[])[] },
): Promise<ReadOut> {
  // Rows without a patch advance with the tokens of those that they are held against.
  const rows = hasPriors ? [...active, ...active] : active;
  const hiding = active.map((row) => cells[row] ?? { hidden: [] });
  const clean = hasPriors ? active.map(() => ({ hidden: [] })) : [];
  const output = await engine.run(
    {
      kind: "decode",
      cache,
      tokens: Int32Array.from(rows, (row) => texts[row]?.at(-1)?.token ?? 0),
      blocked: blockedLooks(plan, [...hiding, ...clean], cache.length),
      read: {
        at: rows.map((_, row) => ({ row, offset: 0 })),
        topK: 1,
        logits: read.decoding !== undefined,
      },
    },
    signal,
  );
  assert(output.read, "a step was read");
  return output.read;
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

/** One of the rows that were read, and how many there are beside those without a patch. */
interface ReadRow {
  readonly row: number;
  readonly index: number;
  readonly count: number;
  readonly step: number;
}

/** A row's token at a step: the likeliest, one that is drawn, or the best against the row without a patch. */
function nextToken(
  generation: Generation,
  { readOut, topK }: Pick<Prefilled, "readOut" | "topK">,
  { row, index, count, step }: ReadRow,
): ScoredToken {
  const { plan, read, numbers, hasPriors } = generation;
  const { decoding } = read;
  if (decoding === undefined) {
    const token = readOut.topTokens[index * topK];
    const logprob = readOut.topLogprobs[index * topK];
    assert(token !== undefined && logprob !== undefined, "every row has a likeliest token");
    return { token, logprob };
  }
  const logits = logitsOf(readOut, index, plan);
  const scores =
    decoding.contrast !== undefined && hasPriors
      ? contrasted(logits, logitsOf(readOut, count + index, plan), decoding.contrast)
      : logits;
  const chance = chanceOf(plan.seed, numbers[row] ?? 0, step);
  const token =
    "temperature" in decoding ? drawToken(scores, decoding, chance).token : bestOf(scores);
  return { token, logprob: logprobIn(logits, token) };
}

function logitsOf(readOut: ReadOut, index: number, { shape: { vocabSize } }: Plan): Float32Array {
  const logits = readOut.logits?.subarray(index * vocabSize, (index + 1) * vocabSize);
  assert(logits, "a choice needs logits");
  return logits;
}
