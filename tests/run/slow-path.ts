/**
 * What a spec asks for, done the slow way: every cell and every control is a run of the whole prompt from block 0,
 * one at a time. The fast path must say the same.
 */
import type { Edge, Engine, Patch } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { EVIDENCE_TOKENS } from "../../src/measure/evidence.ts";
import type {
  Ablation,
  Plan,
  PlannedCell,
  PlannedSentence,
  State,
  Write,
} from "../../src/plan/plan.ts";
import type { PriorContrast } from "../../src/spec/spec.ts";
import { gaussian } from "../../src/run/control-vectors.ts";
import { chanceOf, drawToken } from "../../src/run/next-token.ts";
import { embeddingDeviation, noiseAt } from "../../src/run/replacements.ts";

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

/** What else there is where the source runs in a model of its own. */
export interface SlowSource {
  readonly engine: Engine;
  /** f, by the names of the two layers. */
  readonly map: (vector: Float32Array, names: Write["names"]) => Float32Array;
}

export interface SlowRun {
  readonly endTokens: ReadonlySet<number>;
  readonly decode: (tokens: readonly number[]) => string;
}

/** How vectors become what is written: mapped, and mixed with what is there. */
async function putting(
  {
    plan,
    reader,
    target,
    cell,
  }: {
    readonly plan: Plan;
    readonly reader: Engine;
    readonly target: Runs;
    readonly cell: PlannedCell;
  },
  source?: SlowSource,
): Promise<(writes: readonly SlowWrite[]) => Promise<SlowWrite[]>> {
  const named = await namedVectors(plan, reader, cell);
  return (writes) => {
    const through = writes.map((write, at) => {
      const { factor, names } = cell.writes[at] ?? {};
      assert(names, "every write has its layers");
      const own = source === undefined ? write.vector : source.map(write.vector, names);
      return { ...write, vector: throughF(plan, own, { named: named[at] ?? {}, factor }) };
    });
    return mixed(plan, target, cell.isOverwriting ? withBlocksBelow(through) : through);
  };
}

/** Reads one cell of a plan that generates, and scores its text under each control. */
export async function readSlowly(
  plan: Plan,
  engine: Engine,
  cell: PlannedCell,
  { endTokens, decode }: SlowRun,
  source?: SlowSource,
): Promise<SlowCell> {
  assert(plan.read.kind === "generate", "the plan generates");
  const target = await targetRuns(engine, plan, { cell, sample: 0 });
  const reader = source?.engine ?? engine;
  const states = await writesOf(reader, plan.capture.tokens, cell, ({ from }) => from);
  const put = await putting({ plan, reader, target, cell }, source);
  const own = await put(states);
  const clean = await targetRuns(engine, plan, { sample: 0 });
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
  const statesOf = async (sentences: readonly PlannedSentence[]): Promise<SlowWrite[][]> =>
    oneByOne(sentences, ({ tokens: sentence, position }) =>
      writesOf(reader, sentence, cell, ({ from }) => ({ ...from, position })),
    );
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
  { layer, position }: { readonly layer: number; readonly position: number },
): Promise<SlowComparison> {
  const { tokens } = plan.target;
  const { hiddenSize, layers } = engine.architecture;
  const states = await writesOf(engine, plan.capture.tokens, cell, ({ from }) => from);
  const target = await targetRuns(engine, plan, { cell, sample: 0 });
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
  const clean = await stateIn(await targetRuns(engine, plan, { sample: 0 }), []);
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

type Runs = Pick<Engine, "architecture" | "run">;

/**
 * The engine for runs of the target from its beginning: with every look cut and every state replaced that the plan says, or
 * the cell where there is one.
 */
async function targetRuns(
  engine: Engine,
  plan: Plan,
  { cell, sample }: { readonly cell?: PlannedCell; readonly sample: number },
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
  const replaced = [
    ...(await noised(engine, plan, sample)),
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

async function noised(engine: Engine, plan: Plan, sample: number): Promise<Patch[]> {
  const { noise, seed, target } = plan;
  if (noise === undefined) return [];
  const place = { site: "resid_pre", layer: 0 } as const;
  const states = await statesAt(engine, target.tokens, place);
  const size = noise.scale * (await embeddingDeviation(engine));
  return noise.positions.map((position) => {
    const draw = noiseAt({ seed, sample, position }, engine.architecture.hiddenSize);
    const own = states[position] ?? new Float32Array(0);
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

async function oneByOne<T, R>(values: readonly T[], act: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await act(value));
  return results;
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

type SlowWrite = Omit<Patch, "row">;

/** The vectors of a cell's writes, read from a prompt at the places that `placeOf` says. */
async function writesOf(
  engine: Engine,
  prompt: readonly number[],
  cell: PlannedCell,
  placeOf: (write: Write) => State,
): Promise<SlowWrite[]> {
  const { hiddenSize } = engine.architecture;
  const { taps } = await engine.run({
    kind: "prefill",
    length: prompt.length,
    rows: [{ tokens: prompt }],
    taps: cell.writes.map(({ from: { site, layer } }) => ({ site, layer })),
  });
  return cell.writes.map((write, index) => {
    const { position } = placeOf(write);
    const vector = taps[index]?.slice(position * hiddenSize, (position + 1) * hiddenSize);
    assert(vector, "the state was read");
    return { site: write.to.site, layer: write.to.layer, offset: write.to.position, vector };
  });
}

/** The vectors that the mapping names, for each write of a cell: each from a run of its own. */
async function namedVectors(
  plan: Plan,
  engine: Engine,
  cell: PlannedCell,
): Promise<Record<string, Float32Array>[]> {
  return oneByOne(cell.writes, async (write) => {
    const vectors = await oneByOne(plan.sources, async ({ name, tokens, place, position }) => {
      const from = { ...(place === "same" ? write.from : place), position };
      const one = { ...cell, writes: [{ ...write, from }] };
      const [read] = await writesOf(engine, tokens, one, () => from);
      return [name, read?.vector ?? new Float32Array(0)] as const;
    });
    return Object.fromEntries(vectors);
  });
}

/** f, step by step. */
function throughF(
  { mapping }: Plan,
  vector: Float32Array,
  by: { readonly named: Record<string, Float32Array>; readonly factor: number | undefined },
): Float32Array {
  const named = (name: string): Float32Array => by.named[name] ?? new Float32Array(0);
  const average = (some: readonly Float32Array[]): Float32Array =>
    (some[0] ?? vector).map(
      (_, unit) => some.map((each) => each[unit] ?? 0).reduce((a, b) => a + b) / some.length,
    );
  let state = vector;
  for (const step of mapping) {
    const before = state;
    const times = (factor: number): Float32Array => before.map((value) => value * factor);
    if (step.kind === "scale") {
      state = times(typeof step.factor === "number" ? step.factor : (by.factor ?? NaN));
    } else if (step.kind === "normalise") state = times(step.norm / Math.hypot(...before));
    else if (step.kind === "mean") state = average([before, ...step.with.map(named)]);
    else if (step.kind === "difference") {
      const other = average(step.with.map(named));
      state = before.map((value, unit) => value - (other[unit] ?? 0));
    } else if (step.kind === "projection") {
      const onto = named(step.onto[0] ?? "");
      assert(step.onto.length === 1, "the slow way projects onto one vector");
      const dot = (a: Float32Array): number =>
        a.reduce((sum, value, unit) => sum + value * (onto[unit] ?? 0), 0);
      const share = dot(before) / dot(onto);
      const inside = onto.map((value) => value * share);
      state = step.remove ? before.map((value, unit) => value - (inside[unit] ?? 0)) : inside;
    } else if (step.kind === "interpolation") {
      const other = named(step.with);
      const { amount } = step;
      state = before.map((value, unit) => value + amount * ((other[unit] ?? 0) - value));
    }
  }
  return state;
}

/** Each vector also at the input of every block below it, unless another one is written below it at the same token. */
function withBlocksBelow(writes: readonly SlowWrite[]): SlowWrite[] {
  const depth = ({ layer, site }: SlowWrite): number => (site === "resid_pre" ? layer : layer + 1);
  return writes.flatMap((write) => {
    const others = writes.filter(({ offset }) => offset === write.offset);
    if (others.some((other) => depth(other) < depth(write))) return [write];
    const below = Array.from({ length: depth(write) }, (_, layer) => ({
      ...write,
      site: "resid_pre" as const,
      layer,
    }));
    return [...below, write];
  });
}

const IN_A_BLOCK = ["resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post"];

/** The vectors through f, and each mixed with the state that is there in a run of its own with all writes below it. */
async function mixed(plan: Plan, engine: Runs, writes: readonly SlowWrite[]): Promise<SlowWrite[]> {
  const height = ({ layer, site }: SlowWrite): number => layer * 10 + IN_A_BLOCK.indexOf(site);
  const ordered =
    plan.mode === "replace" ? [...writes] : writes.toSorted((a, b) => height(a) - height(b));
  const done: SlowWrite[] = [];
  for (const write of ordered) {
    const { site, layer, offset } = write;
    const { tokens } = plan.target;
    const { taps } = await engine.run({
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      patches: done.map((earlier) => ({ ...earlier, row: 0 })),
      taps: [{ site, layer }],
    });
    const width = engine.architecture.hiddenSize;
    const there = taps[0]?.slice(offset * width, (offset + 1) * width) ?? new Float32Array(0);
    done.push({ ...write, vector: mix(plan, write.vector, there) });
  }
  return done;
}

function mix({ mode }: Plan, vector: Float32Array, there: Float32Array): Float32Array {
  const size = (of: Float32Array): number => Math.hypot(...of);
  if (mode === "replace") return vector;
  if (mode === "add") return vector.map((value, index) => value + (there[index] ?? 0));
  if (mode === "norm-matched") return vector.map((value) => (value * size(there)) / size(vector));
  const share = mode.interpolate;
  return vector.map((value, index) => share * value + (1 - share) * (there[index] ?? 0));
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
