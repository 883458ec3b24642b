/** Fitting maps from one model's states to another's, for `fit --to-model` and for `inspect --explainer`. */
import { setImmediate } from "node:timers/promises";
import { specInvalid } from "../errors.ts";
import type { SpecIssue } from "../errors.ts";
import type { FittedMapping, FittedPair, MappedModel } from "../mapping/fitted-mapping.ts";
import type { FittedKind } from "../map-kinds.ts";
import type { Model } from "../models/model.ts";
import type { LoadedModel } from "../node.ts";
import { atSameDepth } from "../plan/cross-model.ts";
import { resolveLayers } from "../plan/resolve.ts";
import { alignedTexts } from "../run/aligned-texts.ts";
import { fitAcrossModels } from "../run/fit-cross-model.ts";
import type { FitPhase, FitRequest } from "../run/fit-mapping.ts";
import { splitTexts } from "../run/fit-texts.ts";
import { sampleTexts } from "../run/sample-texts.ts";
import type { LayerRef } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { optionsConflict, optionWrong } from "./errors.ts";
import { fitRecord } from "./fit-options.ts";
import { withPart, type FitIdentity, type FitPart } from "./fit-part.ts";
import type { Progress } from "./progress.ts";

/** Tokens of a text that a model writes. */
export const SAMPLE_TOKENS = 64;

/** What is said of texts that a model writes. */
export function sampleText(sample: number): string {
  return `${sample} texts of up to ${SAMPLE_TOKENS} tokens that the model wrote`;
}

/** Both models, where what is summed is kept, and who is told how far it is. */
export interface AcrossParts {
  readonly loaded: LoadedModel;
  readonly target: LoadedModel;
  /** The file that is written; none for standard output. */
  readonly output?: string | undefined;
  readonly context: CommandContext;
  readonly progress: Progress;
}

/** What is fitted, and on what. */
export interface AcrossRequest {
  readonly pairs: readonly Pick<FittedPair, "source" | "target">[];
  readonly kind: Exclude<FittedKind, "mlp">;
  readonly rank?: number | undefined;
  readonly ridge: number | "auto";
  readonly seed: number;
  readonly maxTokens: number;
  /** How many tokens of them are held out at most. */
  readonly maxHeldOut?: number;
  /** The user's; without them the source's model writes some. */
  readonly texts?: readonly string[] | undefined;
  /** How many it writes. */
  readonly sample: number;
  /** In words, for the file. */
  readonly data: string;
}

/** The layers of both models that get a map: each to each, or each to the one at the same depth. */
export function pairsAcross(
  options: { readonly layers?: LayerRef | undefined; readonly toLayers?: LayerRef | undefined },
  source: Model,
  target: Model,
): AcrossRequest["pairs"] {
  const issues: SpecIssue[] = [];
  const all = options.layers ?? "all";
  const from = [...new Set(resolveLayers(all, { model: source, path: ["layers"], issues }))];
  const { toLayers } = options;
  const at = { model: target, path: ["to-layers"], issues };
  const to = toLayers === undefined ? undefined : [...new Set(resolveLayers(toLayers, at))];
  if (issues.length > 0) throw specInvalid(issues);
  const models = { source: shapeOf(source), target: shapeOf(target) };
  return from.flatMap((layer) =>
    (to ?? [atSameDepth(layer, models)]).map((other) => ({ source: layer, target: other })),
  );
}

function shapeOf({
  name,
  architecture: { layers, hiddenSize },
}: Model): Omit<MappedModel, "weights"> {
  return { name, layers, hiddenSize };
}

/**
 * Fits and measures the maps; goes on from what a stopped fit has kept beside the output. Throws `usage` where a model has no
 * tokenizer or the widths do not suit the kind.
 */
export async function fittedAcross(
  parts: AcrossParts,
  request: AcrossRequest,
): Promise<FittedMapping> {
  const { loaded, target, output } = parts;
  checkKind(request, parts);
  const mapping = {
    kind: request.kind,
    model: await mappedModel(loaded.model),
    target: await mappedModel(target.model),
    site: "resid_post",
  } as const;
  const identity = (): Promise<FitIdentity> =>
    Promise.resolve({ facts: factsOf(parts, request, mapping), mapping });
  return withPart(output, identity, parts, async (part) => ({
    ...mapping,
    ...(await fitted(parts, request, part)),
  }));
}

/** What sums follow from; what is said of the texts in words changes nothing in them. */
function factsOf(
  { loaded, target }: AcrossParts,
  { data: _, ...request }: AcrossRequest,
  models: Pick<FittedMapping, "model" | "target">,
): object {
  const [source, reader] = [loaded, target].map(({ engine }) => engine.info);
  const infoOf = (info: typeof source): object => ({
    device: info?.device,
    precision: info?.precision,
  });
  const weights = [models.model.weights, models.target?.weights];
  return { ...request, weights, source: infoOf(source), target: infoOf(reader) };
}

async function fitted(
  parts: AcrossParts,
  request: AcrossRequest,
  part: FitPart | undefined,
): Promise<Pick<FittedMapping, "pairs" | "fit">> {
  const { loaded, target, context, progress } = parts;
  const { kind, rank, ridge, pairs } = request;
  const written = await textsAcross(parts, request, part?.stopped?.texts);
  const used = splitTexts(written.aligned, request);
  const fit = await fitAcrossModels({
    ...used,
    source: loaded.engine,
    target: target.engine,
    pairs,
    kind,
    rank,
    ridge,
    signal: context.signal,
    stopped: part?.stopped?.sums,
    onSums: part?.onSums(written.tokens),
    onProgress: fitProgress(progress),
    rest: () => setImmediate(),
  });
  return {
    pairs: fit.pairs,
    fit: fitRecord(fit, used, { ...request, ahead: 0 }),
  };
}

/** A model as a mapping's file names it. */
export async function mappedModel(model: Model): Promise<MappedModel> {
  return { ...shapeOf(model), weights: await model.weightsHash() };
}

/** Shows how far a fit is. */
export function fitProgress(progress: Progress): NonNullable<FitRequest["onProgress"]> {
  return ({ phase, done, total }) =>
    progress.show({ label: PHASES[phase], done, total, unit: "count" });
}

const PHASES: Readonly<Record<FitPhase, string>> = {
  read: "Reading the states",
  solve: "Fitting the maps",
  train: "Training them",
  differentiate: "Differentiating",
  measure: "Measuring them",
};

function checkKind({ kind }: AcrossRequest, { loaded, target }: AcrossParts): void {
  const [from, to] = [loaded.model, target.model].map((each) => each.architecture.hiddenSize);
  if (kind === "affine" || kind === "low-rank" || from === to) return;
  throw optionWrong({
    option: "--kind",
    expected: `affine or low-rank between states of ${from ?? 0} and of ${to ?? 0} numbers`,
    got: kind,
  });
}

/** The user's texts, or those that the source's model writes, has written: its tokens are kept with the sums. */
async function textsAcross(
  { loaded, target, context, progress }: AcrossParts,
  { texts, sample, seed }: AcrossRequest,
  kept: readonly (readonly number[])[] | undefined,
): Promise<{
  readonly tokens: readonly (readonly number[])[];
  readonly aligned: ReturnType<typeof alignedTexts>;
}> {
  const { model, engine } = loaded;
  const [own, other] = [model.tokenizer, target.model.tokenizer];
  if (own === undefined || other === undefined) {
    throw optionsConflict(
      "Fitting between two models needs the tokenizers of both, and one has none.",
      "The states of tokens that end at the same character are pairs.",
    );
  }
  const align = (text: string): ReturnType<typeof alignedTexts> => alignedTexts(text, own, other);
  if (texts !== undefined) return { tokens: [], aligned: texts.flatMap(align) };
  const tokens =
    kept ??
    (await sampleTexts({
      engine,
      start: own.bos,
      endTokens: model.endTokens,
      texts: sample,
      tokens: SAMPLE_TOKENS,
      seed,
      signal: context.signal,
      onTokens: (done, total) =>
        progress.show({ label: "Writing texts", done, total, unit: "count" }),
    }));
  const textOf = (written: readonly number[]): string =>
    own.decode(written[0] === own.bos ? written.slice(1) : written);
  return { tokens, aligned: tokens.map(textOf).flatMap(align) };
}
