/**
 * What a spec asks for, done the slow way: every cell and every control is a run of the whole prompt from block 0,
 * one at a time. The fast path must say the same.
 */
import type { Edge, Engine, Patch } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { EVIDENCE_TOKENS } from "../../src/measure/evidence.ts";
import type { Ablation, Plan, PlannedCell, PlannedOther, State } from "../../src/plan/plan.ts";
import { vectorKey } from "../../src/plan/vectors.ts";
import type { PriorContrast } from "../../src/spec/spec.ts";
import { gaussian } from "../../src/run/control-vectors.ts";
import { chanceOf, drawToken } from "../../src/run/next-token.ts";
import { embeddingDeviation, noiseAt } from "../../src/run/replacements.ts";
import {
  oneByOne,
  putting,
  writesOf,
  type Runs,
  type SlowSource,
  type SlowWrite,
} from "./slow-writes.ts";

export type { SlowSource } from "./slow-writes.ts";

export interface SlowCell {
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** Of each of the first tokens: without the patch, and under each control. */
  readonly unpatched: readonly number[];
  readonly unrelated: readonly (readonly number[])[];
  readonly contrast: readonly (readonly number[])[];
  readonly mean: readonly number[];
  readonly random: readonly (readonly number[])[];
}

/** What is in files of soft prompts, by `vectorKey`; needed where the plan has some. */
export type SlowVectors = ReadonlyMap<string, { readonly data: Float32Array }>;

export interface SlowRun {
  readonly vectors?: SlowVectors | undefined;
  readonly endTokens: ReadonlySet<number>;
  readonly decode: (tokens: readonly number[]) => string;
}

/** Reads one cell of a plan that generates, and scores its text under each control. */
export async function readSlowly(
  plan: Plan,
  engine: Engine,
  cell: PlannedCell,
  { endTokens, decode, vectors }: SlowRun,
  source?: SlowSource,
): Promise<SlowCell> {
  assert(plan.read.kind === "generate", "the plan generates");
  const target = await targetRuns(engine, plan, { cell, sample: 0, vectors });
  const reader = source?.engine ?? engine;
  const states = await writesOf(reader, plan.capture.tokens, cell, ({ from }) => from);
  const put = await putting({ plan, reader, target, cell }, source);
  const own = await put(states);
  const clean = await targetRuns(engine, plan, { sample: 0, vectors });
  const tokens: number[] = [];
  const logprobs: number[] = [];
  while (tokens.length < plan.read.maxTokens) {
    const [next] = await logprobsAfter(target, [...plan.target.tokens, ...tokens], own, 1);
    assert(next, "there is a next token");
    const likeliest = next.reduce((a, logprob, b) => (logprob > (next[a] ?? -Infinity) ? b : a), 0);
    const { decoding } = plan.read;
    const chance = chanceOf(plan.seed, plan.cells.indexOf(cell), tokens.length);
    const [prior = []] = await logprobsAfter(clean, [...plan.target.tokens, ...tokens], [], 1);
    const scores = decoding?.contrast ? against(next, prior, decoding.contrast) : next;
    const best = scores.indexOf(Math.max(...scores));
    const isDrawn = decoding !== undefined && "temperature" in decoding;
    const drawn = isDrawn ? drawToken(Float32Array.from(scores), decoding, chance).token : best;
    const token = decoding ? drawn : likeliest;
    tokens.push(token);
    logprobs.push(next[token] ?? -Infinity);
    const stopped = tokensBefore(plan.read.stop ?? [], tokens, decode);
    if (stopped !== undefined) {
      tokens.length = stopped;
      logprobs.length = stopped;
      break;
    }
    if (endTokens.has(token) && !plan.read.ignoreEos) break;
  }
  const text = tokens.slice(0, EVIDENCE_TOKENS);
  const under = async (writes: readonly SlowWrite[]): Promise<number[]> =>
    score(plan, target, text, await put(writes));
  const statesOf = async (others: readonly PlannedOther[]): Promise<SlowWrite[][]> =>
    oneByOne(others, (other) => {
      assert("prompt" in other, "the sources of random plans are prompts");
      const { tokens: sentence, position } = other;
      return writesOf(reader, sentence, cell, ({ from }) => ({ ...from, position }));
    });
  const { unrelated, contrast, mean, random } = plan.controls;
  const gaussians = Array.from({ length: random }, (_, index) =>
    states.map((write, at) => ({ ...write, vector: likeGaussian(plan, cell, write, at, index) })),
  );
  return {
    tokens,
    logprobs,
    unpatched: await score(plan, clean, text, []),
    unrelated: await oneByOne(await statesOf(unrelated), under),
    contrast: await oneByOne(await statesOf(contrast), under),
    mean: await under(meanOf(await statesOf(mean))),
    random: await oneByOne(gaussians, under),
  };
}

/** What tokens count for against a prior. */
function against(
  patched: readonly number[],
  prior: readonly number[],
  { amount, plausibility }: PriorContrast,
): readonly number[] {
  const best = Math.max(...patched);
  return patched.map((logprob, token) =>
    Math.exp(logprob) < plausibility * Math.exp(best)
      ? -Infinity
      : logprob + amount * (logprob - (prior[token] ?? 0)),
  );
}

/** The states behind one block at one token of a cell's run and of the clean one, and what the lens reads from both. */
export interface SlowComparison {
  readonly patched: Float32Array;
  readonly clean: Float32Array;
  /** Log-probabilities of every token. */
  readonly patchedLens: readonly number[];
  readonly cleanLens: readonly number[];
}

/** Runs a cell and the clean target from block 0, and the lens as a patch of the last block's output. */
export async function compareSlowly(
  plan: Plan,
  engine: Engine,
  cell: PlannedCell,
  {
    layer,
    position,
    vectors,
  }: {
    readonly layer: number;
    readonly position: number;
    readonly vectors?: SlowVectors | undefined;
  },
): Promise<SlowComparison> {
  const { tokens } = plan.target;
  const { hiddenSize, layers } = engine.architecture;
  const states = await writesOf(engine, plan.capture.tokens, cell, ({ from }) => from);
  const target = await targetRuns(engine, plan, { cell, sample: 0, vectors });
  const put = await putting({ plan, reader: engine, target, cell });
  const own = await put(states);
  const stateIn = async (runs: Runs, writes: readonly SlowWrite[]): Promise<Float32Array> => {
    const { taps } = await runs.run({
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      patches: writes.map((write) => ({ ...write, row: 0 })),
      taps: [{ site: "resid_post", layer }],
    });
    return (
      taps[0]?.slice(position * hiddenSize, (position + 1) * hiddenSize) ?? new Float32Array(0)
    );
  };
  const lensOf = async (vector: Float32Array): Promise<readonly number[]> => {
    const write = { site: "resid_post", layer: layers - 1, offset: position, vector } as const;
    const rows = await logprobsAfter(engine, tokens, [write], tokens.length);
    return rows[position] ?? [];
  };
  const patched = await stateIn(target, own);
  const clean = await stateIn(await targetRuns(engine, plan, { sample: 0, vectors }), []);
  return {
    patched,
    clean,
    patchedLens: await lensOf(patched),
    cleanLens: await lensOf(clean),
  };
}

/** How many tokens are left when those that write nothing before a stop string are taken away one by one. */
function tokensBefore(
  stops: readonly string[],
  tokens: readonly number[],
  decode: SlowRun["decode"],
): number | undefined {
  const text = decode(tokens);
  const [end] = stops
    .map((stop) => text.indexOf(stop))
    .filter((at) => at >= 0)
    .sort((a, b) => a - b);
  if (end === undefined) return undefined;
  let count = tokens.length;
  while (count > 0 && decode(tokens.slice(0, count - 1)).length >= end) count -= 1;
  return count;
}

/**
 * The engine for runs of the target from its beginning: with every look cut and every state replaced that the plan says, or
 * the cell where there is one.
 */
async function targetRuns(
  engine: Engine,
  plan: Plan,
  {
    cell,
    sample,
    vectors,
  }: {
    readonly cell?: PlannedCell;
    readonly sample: number;
    readonly vectors?: SlowVectors | undefined;
  },
): Promise<Runs> {
  const knockouts = [...plan.knockouts, ...(cell?.own?.knockouts ?? [])];
  const hidden = cell?.hidden ?? [];
  const isCut = ({ layer, from, to }: Edge): boolean =>
    knockouts.some(
      (each) =>
        each.layers.includes(layer) &&
        (each.from === "all" || each.from.includes(from)) &&
        each.to.includes(to) &&
        !(each.keepsSelf && from === to),
    ) || hidden.some(({ position, below }) => layer < below && to === position && from > to);
  const { architecture } = engine;
  const soft = softened(plan, vectors);
  const replaced = [
    ...soft,
    ...(await noised(engine, plan, { sample, soft })),
    ...(await ablated(engine, plan, [...plan.ablations, ...(cell?.own?.ablations ?? [])])),
  ];
  return {
    architecture,
    run: (pass, signal) => {
      assert(pass.kind === "prefill", "the slow way always begins at the beginning");
      const places = [...Array(pass.length).keys()];
      const edges = [...Array(architecture.layers).keys()].flatMap((layer) =>
        places.flatMap((from) => places.map((to): Edge => ({ layer, row: 0, from, to }))),
      );
      const patches = [...replaced, ...(pass.patches ?? [])];
      return engine.run({ ...pass, patches, blocked: edges.filter(isCut) }, signal);
    },
  };
}

/** A prompt's states at a site of a layer, one vector for each token. */
async function statesAt(
  engine: Engine,
  tokens: readonly number[],
  place: Pick<State, "site" | "layer">,
): Promise<Float32Array[]> {
  const width = engine.architecture.hiddenSize;
  const rows = [{ tokens }];
  const { taps } = await engine.run({
    kind: "prefill",
    length: tokens.length,
    rows,
    taps: [place],
  });
  return tokens.map((_, at) => taps[0]?.slice(at * width, (at + 1) * width) ?? new Float32Array(0));
}

/** Each vector of a soft prompt's file in its place. */
function softened(plan: Plan, vectors: SlowVectors | undefined): Patch[] {
  const width = plan.shape.hiddenSize;
  return plan.softPrompts.flatMap(({ file, positions }) => {
    const data = vectors?.get(vectorKey(file))?.data;
    assert(data, "the soft prompt is there");
    return positions.map((offset, at): Patch => {
      const vector = data.slice(at * width, (at + 1) * width);
      return { site: "resid_pre", layer: 0, row: 0, offset, vector };
    });
  });
}

async function noised(
  engine: Engine,
  plan: Plan,
  { sample, soft }: { readonly sample: number; readonly soft: readonly Patch[] },
): Promise<Patch[]> {
  const { noise, seed, target } = plan;
  if (noise === undefined) return [];
  const place = { site: "resid_pre", layer: 0 } as const;
  const states = await statesAt(engine, target.tokens, place);
  const size = noise.scale * (await embeddingDeviation(engine));
  return noise.positions.map((position) => {
    const draw = noiseAt({ seed, sample, position }, engine.architecture.hiddenSize);
    const put = soft.find(({ offset }) => offset === position);
    const own = put?.vector ?? states[position] ?? new Float32Array(0);
    const vector = own.map((value, unit) => value + size * (draw[unit] ?? 0));
    return { ...place, row: 0, offset: position, vector };
  });
}

async function ablated(
  engine: Engine,
  plan: Plan,
  ablations: readonly Ablation[],
): Promise<Patch[]> {
  const patches: Patch[] = [];
  const width = engine.architecture.hiddenSize;
  for (const { site, layers, positions, with: what } of ablations) {
    for (const layer of layers) {
      const all = await oneByOne(what === "zero" ? [] : plan.meanSentences, async (sentence) => {
        const states = await statesAt(engine, sentence, { site, layer });
        return states.length > 1 ? states.slice(1) : states;
      });
      const states = all.flat();
      const vector = Float32Array.from({ length: width }, (_, unit) =>
        states.reduce((sum, state) => sum + (state[unit] ?? 0) / states.length, 0),
      );
      patches.push(...positions.map((offset) => ({ site, layer, row: 0, offset, vector })));
    }
  }
  return patches;
}

/** Log-probabilities of every token where a cell, the target without a patch and the source's own run are read. */
export async function readNextSlowly(
  plan: Plan,
  engine: Engine,
  cell: PlannedCell,
  {
    sample = 0,
    source,
  }: { readonly sample?: number; readonly source?: SlowSource | undefined } = {},
): Promise<Readonly<Record<"cell" | "unpatched" | "source", readonly number[]>>> {
  const own = await targetRuns(engine, plan, { cell, sample });
  const clean = await targetRuns(engine, plan, { sample });
  const reader = source?.engine ?? engine;
  const states = await writesOf(reader, plan.capture.tokens, cell, ({ from }) => from);
  const put = await putting({ plan, reader: source?.engine ?? engine, target: own, cell }, source);
  const writes = await put(states);
  const after = async (
    runs: Runs,
    tokens: readonly number[],
    place: { readonly at: number; readonly writes: readonly SlowWrite[] },
  ): Promise<readonly number[]> => {
    const all = await logprobsAfter(runs, tokens, place.writes, tokens.length);
    return all[place.at] ?? [];
  };
  const target = plan.target.tokens;
  return {
    cell: await after(own, target, { at: cell.readAt, writes }),
    unpatched: await after(clean, target, { at: cell.readAt, writes: [] }),
    source: await after(reader, plan.capture.tokens, { at: cell.sourceReadAt, writes: [] }),
  };
}

/** The likeliest tokens after a prompt, and their log-probabilities: a plain run, without a patch. */
export async function goOn(
  engine: Engine,
  prompt: readonly number[],
  steps: number,
): Promise<{ readonly tokens: readonly number[]; readonly logprobs: readonly number[] }> {
  const tokens: number[] = [];
  const logprobs: number[] = [];
  while (tokens.length < steps) {
    const [next] = await logprobsAfter(engine, [...prompt, ...tokens], [], 1);
    assert(next, "there is a next token");
    const token = next.reduce((a, logprob, b) => (logprob > (next[a] ?? -Infinity) ? b : a), 0);
    tokens.push(token);
    logprobs.push(next[token] ?? -Infinity);
  }
  return { tokens, logprobs };
}

/** The mean of the same write in all of some lists. */
function meanOf(lists: readonly (readonly SlowWrite[])[]): SlowWrite[] {
  return (lists[0] ?? []).map((write, at) => {
    const vectors = lists.map((list) => list[at]?.vector ?? new Float32Array(0));
    const vector = write.vector.map(
      (_, unit) => vectors.map((each) => each[unit] ?? 0).reduce((a, b) => a + b) / lists.length,
    );
    return { ...write, vector };
  });
}

/** A random vector as long as the state that it replaces. */
function likeGaussian(
  { seed }: Plan,
  cell: PlannedCell,
  { vector }: SlowWrite,
  at: number,
  index: number,
): Float32Array {
  const layer = cell.writes[at]?.from.layer ?? 0;
  const direction = gaussian({ seed, layer, index }, vector.length);
  const factor = Math.hypot(...vector) / Math.hypot(...direction);
  return direction.map((value) => value * factor);
}

async function score(
  plan: Plan,
  engine: Runs,
  text: readonly number[],
  writes: readonly SlowWrite[],
): Promise<number[]> {
  const prompt = [...plan.target.tokens, ...text.slice(0, -1)];
  const rows = await logprobsAfter(engine, prompt, writes, text.length);
  return rows.map((row, index) => row[text[index] ?? 0] ?? -Infinity);
}

/** Log-probabilities of every token after each of the last `count` positions. */
async function logprobsAfter(
  engine: Runs,
  tokens: readonly number[],
  writes: readonly SlowWrite[],
  count: number,
): Promise<number[][]> {
  const at = Array.from({ length: count }, (_, index) => ({
    row: 0,
    offset: tokens.length - count + index,
  }));
  const { read } = await engine.run({
    kind: "prefill",
    length: tokens.length,
    rows: [{ tokens }],
    patches: writes.map((write) => ({ ...write, row: 0 })),
    read: { at, topK: 0, logits: true },
  });
  const { vocabSize } = engine.architecture;
  return at.map((_, index) => {
    const logits = [...(read?.logits?.subarray(index * vocabSize, (index + 1) * vocabSize) ?? [])];
    const top = Math.max(...logits);
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) + top;
    return logits.map((logit) => logit - total);
  });
}
