/** Spec → result in one call: plan, run, texts, provenance. What the library, the commands and the explorer share. */
import type { NormSettings, Weights } from "../engine/architecture.ts";
import type { Engine } from "../engine/engine.ts";
import { assert, unreachable } from "../errors.ts";
import { settled, type LoadedMapping } from "../mapping/fitted-mapping.ts";
import type { LoadedVectors } from "../mapping/vector-file.ts";
import { unrelatedSentences } from "../measure/unrelated-sentences.ts";
import { buildPlan } from "../plan/build-plan.ts";
import type { PlanModel, PromptTokenizer } from "../plan/encode-prompt.ts";
import type { Plan } from "../plan/plan.ts";
import { vectorFilesOf, vectorKey, type VectorFiles } from "../plan/vectors.ts";
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { TokenTexts } from "./build-result.ts";
import { buildResult, cellRecord } from "./build-result.ts";
import { finalNormOf } from "./compat-pair.ts";
import { mappingNotRead, matricesMissing } from "./errors.ts";
import { checkMapping, mappingWarnings } from "./map-of.ts";
import { engineRecord, hashOf, modelRecord, precisionWarnings } from "./provenance.ts";
import type { CellOutput, ReadyCell, RunEvent, RunOptions, RunOutput } from "./run-plan.ts";
import { runPlan } from "./run-plan.ts";

/** What is needed of an opened model beside its engine: a part of the `Model` of `models/`. */
export interface RunModel extends PlanModel {
  readonly architecture: PlanModel["architecture"] & {
    readonly family: string;
    readonly norm?: NormSettings;
  };
  readonly tokenizer: (PromptTokenizer & { decode(tokens: readonly number[]): string }) | undefined;
  readonly endTokens: ReadonlySet<number>;
  /** Needed where neighbours are read (the matrices, `[vocab, hidden]`) and for `compat: pair` (the final norm). */
  readonly weights?: Pick<Weights, "embedding" | "head" | "finalNorm" | "finalNormBias">;
  weightsHash(): Promise<string>;
}

/** A model and the engine that it is loaded into. */
export interface ReadyModel {
  readonly model: RunModel;
  readonly engine: Engine;
  /** From process start, or from wherever waiting began, until the model could run; 0 where nobody measured it. */
  readonly loadMs?: number;
}

export interface RunSpecOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: Extract<RunEvent, { kind: "progress" }>) => void) | undefined;
  /** Called with cells that are complete, each once: when they are read, or with their evidence where there is any. */
  readonly onCells?: ((cells: readonly CellRecord[]) => void) | undefined;
  /**
   * Called with what is there before all is, at most ten times a second, and once when all cells are read and their evidence
   * is not there yet: a result of those cells that say something already. Texts may still grow.
   */
  readonly onWords?: ((result: PatchscopeResult) => void) | undefined;
  /** Reads the file of a fitted mapping; needed by specs that name one. `patchscopes/node` has `loadMapping`. */
  readonly mappings?: ((file: string) => Promise<LoadedMapping>) | undefined;
  /** The target's model, for specs that name another one than the source's. */
  readonly target?: ReadyModel | undefined;
  /** Bytes that the run may take beside the models; as much as is fast where nobody says. */
  readonly memory?: number | undefined;
  /** Where cells are kept while a run goes on, so that one that was stopped can go on where it was. */
  readonly store?: CellStore | undefined;
  /** Reads a file of vectors; needed by specs whose sources are files. `patchscopes/node` has `loadVectors`. */
  readonly vectors?: ((file: string, tensor?: string) => Promise<LoadedVectors>) | undefined;
}

/** Keeps what is known of a run's cells. */
export interface CellStore {
  /**
   * What an earlier run of the same cells left, by their numbers.
   * @param key all that cells follow from: the spec's hash, the precision, the engine
   * @param count how many cells the run has
   */
  open(key: string, count: number): Promise<ReadonlyMap<number, CellOutput>>;
  /** Called with cells that were read, and again when they have evidence. */
  keep(cells: readonly ReadyCell[]): void;
}

/** What a plan can be told beside its model. */
export interface PlanSpecOptions {
  /** The target's model, where the spec names another one. */
  readonly target?: PlanModel | undefined;
  /** The files of vectors that the spec names, as {@link loadVectorFiles} gives them. */
  readonly vectors?: VectorFiles | undefined;
}

/** Reads the files of vectors that a spec names. */
export async function loadVectorFiles(
  spec: PatchscopeSpec,
  load: RunSpecOptions["vectors"],
): Promise<VectorFiles<LoadedVectors>> {
  const files = new Map<string, LoadedVectors>();
  if (load === undefined) return files;
  for (const each of vectorFilesOf(spec)) {
    const key = vectorKey(each);
    if (!files.has(key)) files.set(key, await load(each.file, each.tensor));
  }
  return files;
}

/**
 * The plan of a spec for a model, and for the target's where that is another one; no engine is needed.
 * Throws `spec-invalid`.
 */
export function planSpec(
  spec: PatchscopeSpec,
  model: PlanModel,
  { target, vectors }: PlanSpecOptions = {},
): Plan {
  return buildPlan(spec, {
    model,
    targetModel: target,
    vectors,
    unrelatedSentences: unrelatedSentences(textOf(spec, model)),
  });
}

/** What the source says, as far as it is known before anything is encoded. */
function textOf({ source }: PatchscopeSpec, { tokenizer }: PlanModel): string {
  if ("prompt" in source) return source.prompt;
  if ("messages" in source) return source.messages.map(({ content }) => content).join("\n");
  if (!("tokens" in source) || tokenizer === undefined) return "";
  const known = source.tokens.filter((token) => token < tokenizer.vocabSize);
  return known.map((token) => tokenizer.piece(token)).join("");
}

/** A spec whose models and files are there: what to run, on what, and the way from its numbers to a result. */
export interface PreparedRun {
  readonly plan: Plan;
  /** The target's. */
  readonly engine: Engine;
  /** What the run needs, but for what stops it and who listens. */
  readonly parts: Omit<RunOptions, "signal" | "onEvent" | "source">;
  readonly texts: TokenTexts;
  /** All that its cells follow from. */
  readonly key: string;
  /** @param runMs milliseconds that the run took */
  readonly result: (output: RunOutput, runMs: number) => PatchscopeResult;
  /** A result of some of the cells, by their numbers. */
  readonly resultOf: (cells: ReadonlyMap<number, CellOutput>, runMs: number) => PatchscopeResult;
}

/** Plans a spec and reads what it names. Throws `spec-invalid`. */
export async function prepareRun(
  spec: PatchscopeSpec,
  on: ReadyModel,
  options: Pick<RunSpecOptions, "target" | "mappings" | "vectors">,
): Promise<PreparedRun> {
  const vectors = await loadVectorFiles(spec, options.vectors);
  const plan = planSpec(spec, on.model, { target: options.target?.model, vectors });
  const target = plan.models === undefined ? on : (options.target ?? on);
  const { model, engine } = target;
  const fitted = await fittedMapping(plan, options.mappings);
  const models = await Promise.all([...new Set([on, target])].map(modelRecord));
  const hash = await hashOf(spec, models, { fitted, vectors });
  if (plan.read.kind === "neighbours" && model.weights === undefined) throw matricesMissing();
  const texts = textsOf(model);
  const warnings = [
    ...precisionWarnings(models),
    ...(fitted === undefined ? [] : mappingWarnings(fitted, models)),
  ];
  // Both count from the same beginning.
  const loadMs = Math.max(on.loadMs ?? 0, target.loadMs ?? 0);
  const build = (of: Plan, output: RunOutput, runMs: number): PatchscopeResult =>
    buildResult(of, output, texts, {
      spec,
      specHash: hash,
      models,
      engine: engineRecord(target),
      warnings,
      timing: { loadMs, runMs },
    });
  return {
    plan,
    engine,
    parts: {
      endTokens: model.endTokens,
      decode: texts.decode,
      encode: (text) => on.model.tokenizer?.encode(text).tokens ?? [],
      fitted,
      sourceEngine: on.engine,
      vectors,
      finalNorm: spec.compat && (await finalNormOf(model)),
      matrices: model.weights && { input: model.weights.embedding, output: model.weights.head },
    },
    texts,
    key: JSON.stringify([hash, models.map(({ precision }) => precision), engineRecord(target)]),
    result: (output, runMs) => build(plan, output, runMs),
    resultOf: (some, runMs) => {
      const there = [...plan.cells.entries()].filter(([index]) => some.has(index));
      const cells = there.flatMap(([index]) => some.get(index) ?? []);
      const part = { ...plan, cells: there.map(([, cell]) => cell) };
      return build(part, { cells, unpatched: undefined, textOnly: undefined }, runMs);
    },
  };
}

/**
 * Runs a spec.
 * @throws `spec-invalid` before anything runs; `engine`; `aborted`
 */
export async function runSpec(
  spec: PatchscopeSpec,
  on: ReadyModel,
  options: RunSpecOptions = {},
): Promise<PatchscopeResult> {
  const begin = performance.now();
  const run = await prepareRun(spec, on, options);
  const { plan, engine, parts, texts, result, resultOf } = run;
  const { onWords, store } = options;
  const known = await store?.open(run.key, plan.cells.length);
  const said = new Map<number, CellOutput>();
  let shown = 0;
  const say = (cells: readonly ReadyCell[]): void => {
    if (onWords === undefined) return;
    for (const { index, output } of cells) said.set(index, output);
    const now = performance.now();
    if (now - shown < WORDS_MS) return;
    shown = now;
    onWords(resultOf(said, now - begin));
  };
  const output = await runPlan(plan, engine, {
    ...parts,
    signal: options.signal,
    memory: options.memory,
    known,
    // What is kept of a stopped run shows most of it, too.
    isWatched: onWords !== undefined || options.onCells !== undefined || store !== undefined,
    onEvent: (event) => {
      switch (event.kind) {
        case "progress":
          return options.onProgress?.(event);
        case "words":
          if (event.isRead) store?.keep(event.cells);
          say(event.cells);
          return;
        case "cells":
          store?.keep(event.cells);
          say(event.cells);
          return options.onCells?.(event.cells.map((cell) => recordOf(cell, plan, texts)));
        case "read":
          say(event.output.cells.map((cell, index) => ({ index, output: cell })));
          onWords?.(result(event.output, performance.now() - begin));
          return;
        default:
          return unreachable(event);
      }
    },
  });
  return result(output, performance.now() - begin);
}

/** Words are shown so many milliseconds apart. */
const WORDS_MS = 100;

function recordOf({ index, output }: ReadyCell, plan: Plan, texts: TokenTexts): CellRecord {
  const cell = plan.cells[index];
  assert(cell, "a cell that is ready was planned");
  return cellRecord(cell, output, plan, texts);
}

/** The mapping of a plan, where it is in a file. Throws `spec-invalid` where it does not fit the plan. */
async function fittedMapping(
  plan: Plan,
  mappings: RunSpecOptions["mappings"],
): Promise<LoadedMapping | undefined> {
  const step = plan.mapping.find(({ kind }) => kind === "file");
  if (step?.kind !== "file") return undefined;
  if (mappings === undefined) throw mappingNotRead(step.file);
  const fitted = settled(await mappings(step.file), plan.shape.layers);
  checkMapping(plan, fitted);
  return fitted;
}

/** Token ids as text; without a tokenizer, or beyond its vocabulary, as `<id>`. */
function textsOf({ tokenizer }: Pick<RunModel, "tokenizer">): TokenTexts {
  const isKnown = (token: number): boolean =>
    tokenizer !== undefined && token < tokenizer.vocabSize;
  const piece = (token: number): string =>
    tokenizer !== undefined && isKnown(token) ? tokenizer.piece(token) : `<${token}>`;
  return {
    piece,
    decode: (tokens) =>
      tokenizer !== undefined && tokens.every(isKnown)
        ? tokenizer.decode(tokens)
        : tokens.map(piece).join(""),
  };
}
