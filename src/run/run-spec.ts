/** Spec → result in one call: plan, run, texts, provenance. What the library, the commands and the explorer share. */
import type { WeightTensor } from "../engine/architecture.ts";
import type { Engine } from "../engine/engine.ts";
import { assert, unreachable } from "../errors.ts";
import type { LoadedMapping } from "../mapping/fitted-mapping.ts";
import { UNRELATED_SENTENCES } from "../measure/unrelated-sentences.ts";
import { buildPlan } from "../plan/build-plan.ts";
import type { PlanModel, PromptTokenizer } from "../plan/encode-prompt.ts";
import type { Plan } from "../plan/plan.ts";
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import { specHash } from "../spec/canonical.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { Provenance, TokenTexts } from "./build-result.ts";
import { buildResult, cellRecord } from "./build-result.ts";
import { mappingNotRead, matricesMissing } from "./errors.ts";
import { checkMapping, mappingWarnings } from "./map-of.ts";
import type { ReadyCell, RunEvent, RunOutput } from "./run-plan.ts";
import { runPlan } from "./run-plan.ts";

/** What is needed of an opened model beside its engine: a part of the `Model` of `models/`. */
export interface RunModel extends PlanModel {
  readonly architecture: PlanModel["architecture"] & { readonly family: string };
  readonly tokenizer: (PromptTokenizer & { decode(tokens: readonly number[]): string }) | undefined;
  readonly endTokens: ReadonlySet<number>;
  /** `[vocab, hidden]`; needed where neighbours are read. */
  readonly weights?: { readonly embedding: WeightTensor; readonly head: WeightTensor };
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
}

/** The plan of a spec for a model; no engine is needed. Throws `spec-invalid`. */
export function planSpec(spec: PatchscopeSpec, model: PlanModel): Plan {
  return buildPlan(spec, { model, unrelatedSentences: UNRELATED_SENTENCES });
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
  const { model, engine, loadMs = 0 } = on;
  const begin = performance.now();
  const plan = planSpec(spec, model);
  const fitted = await fittedMapping(plan, options.mappings);
  const identity = await identify(spec, model, fitted);
  if (plan.read.kind === "neighbours" && model.weights === undefined) throw matricesMissing();
  const texts = textsOf(model);
  const result = (output: RunOutput): PatchscopeResult =>
    buildResult(plan, output, texts, {
      spec,
      ...provenance(identity, model, engine),
      warnings: fitted === undefined ? [] : mappingWarnings(fitted, identity),
      timing: { loadMs, runMs: performance.now() - begin },
    });
  const output = await runPlan(plan, engine, {
    endTokens: model.endTokens,
    decode: texts.decode,
    encode: (text) => model.tokenizer?.encode(text).tokens ?? [],
    fitted,
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
  if (plan.mapping.kind !== "file") return undefined;
  if (mappings === undefined) throw mappingNotRead(plan.mapping.file);
  const fitted = await mappings(plan.mapping.file);
  checkMapping(plan, fitted);
  return fitted;
}

interface Identity {
  /** What the user calls the model. */
  readonly name: string;
  readonly weights: string;
  readonly specHash: string;
}

async function identify(
  spec: PatchscopeSpec,
  model: RunModel,
  fitted: LoadedMapping | undefined,
): Promise<Identity> {
  const weights = await model.weightsHash();
  const hash = await specHash(spec, { source: weights, mapping: fitted?.hash });
  return { name: model.name, weights, specHash: hash };
}

function provenance(
  { weights, specHash: hash }: Identity,
  model: RunModel,
  engine: Engine,
): Pick<Provenance, "specHash" | "model" | "engine"> {
  const { family, layers, hiddenSize } = model.architecture;
  const { name, device, version, precision } = engine.info;
  return {
    specHash: hash,
    model: { name: model.name, architecture: family, layers, hiddenSize, weights, precision },
    engine: { name, device, version },
  };
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
