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
import type { CellRecord, ModelRecord, PatchscopeResult } from "../result/result.ts";
import { specHash } from "../spec/canonical.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { TokenTexts } from "./build-result.ts";
import { buildResult, cellRecord } from "./build-result.ts";
import { finalNormOf } from "./compat-pair.ts";
import { mappingNotRead, matricesMissing } from "./errors.ts";
import { checkMapping, mappingWarnings } from "./map-of.ts";
import type { ReadyCell, RunEvent, RunOutput } from "./run-plan.ts";
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
  /** Called once when all cells are read and their evidence is not there yet. */
  readonly onWords?: ((result: PatchscopeResult) => void) | undefined;
  /** Reads the file of a fitted mapping; needed by specs that name one. `patchscopes/node` has `loadMapping`. */
  readonly mappings?: ((file: string) => Promise<LoadedMapping>) | undefined;
  /** The target's model, for specs that name another one than the source's. */
  readonly target?: ReadyModel | undefined;
  /** Reads a file of vectors; needed by specs whose sources are files. `patchscopes/node` has `loadVectors`. */
  readonly vectors?: ((file: string, tensor?: string) => Promise<LoadedVectors>) | undefined;
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
  const vectors = await loadVectorFiles(spec, options.vectors);
  const plan = planSpec(spec, on.model, { target: options.target?.model, vectors });
  const target = plan.models === undefined ? on : (options.target ?? on);
  const { model, engine } = target;
  const fitted = await fittedMapping(plan, options.mappings);
  const records = await Promise.all([...new Set([on, target])].map(modelRecord));
  const hash = await hashOf(spec, records, { fitted, vectors });
  if (plan.read.kind === "neighbours" && model.weights === undefined) throw matricesMissing();
  const texts = textsOf(model);
  // Both count from the same beginning.
  const loadMs = Math.max(on.loadMs ?? 0, target.loadMs ?? 0);
  const result = (output: RunOutput): PatchscopeResult =>
    buildResult(plan, output, texts, {
      spec,
      specHash: hash,
      models: records,
      engine: engineRecord(target),
      warnings: [
        ...precisionWarnings(records),
        ...(fitted === undefined ? [] : mappingWarnings(fitted, records)),
      ],
      timing: { loadMs, runMs: performance.now() - begin },
    });
  const output = await runPlan(plan, engine, {
    endTokens: model.endTokens,
    decode: texts.decode,
    encode: (text) => on.model.tokenizer?.encode(text).tokens ?? [],
    fitted,
    sourceEngine: on.engine,
    vectors,
    finalNorm: spec.compat && (await finalNormOf(model)),
    matrices: model.weights && { input: model.weights.embedding, output: model.weights.head },
    signal: options.signal,
    onEvent: (event) => {
      switch (event.kind) {
        case "progress":
          return options.onProgress?.(event);
        case "cells":
          return options.onCells?.(event.cells.map((cell) => recordOf(cell, plan, texts)));
        case "read":
          return options.onWords?.(result(event.output));
        default:
          return unreachable(event);
      }
    },
  });
  return result(output);
}

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

/** Rounded activations are another computation: what it says is for a first look. */
function precisionWarnings(records: readonly ModelRecord[]): PatchscopeResult["warnings"] {
  const rounded = records.filter(({ precision }) => precision === "int8").map(({ name }) => name);
  if (rounded.length === 0) return [];
  const [first = ""] = rounded;
  return [
    {
      code: "rounded-activations",
      message: `${rounded.join(" and ")} ran in int8, which says only nearly the same as float32; patchscopes models verify ${first} --precision int8 measures how nearly.`,
    },
  ];
}

/** What a result says of a model. */
export async function modelRecord({ model, engine }: ReadyModel): Promise<ModelRecord> {
  const { family, layers, hiddenSize } = model.architecture;
  const { precision } = engine.info;
  const weights = await model.weightsHash();
  return { name: model.name, architecture: family, layers, hiddenSize, weights, precision };
}

/** What a result says of the engine that ran it. */
export function engineRecord({ engine }: ReadyModel): PatchscopeResult["engine"] {
  const { name, device, version } = engine.info;
  return { name, device, version };
}

function hashOf(
  spec: PatchscopeSpec,
  [source, target]: readonly ModelRecord[],
  files: {
    readonly fitted: LoadedMapping | undefined;
    readonly vectors: VectorFiles<LoadedVectors>;
  },
): Promise<string> {
  assert(source, "there is a model");
  return specHash(spec, {
    source: source.weights,
    target: target?.weights,
    mapping: files.fitted?.hash,
    vectors: new Map([...files.vectors.values()].map((each) => [each.file, each.hash])),
  });
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
