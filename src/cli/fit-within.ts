/** Fitting maps within one model, for `patchscopes fit`: whose texts, which layers, and where it goes on from. */
import { setImmediate } from "node:timers/promises";
import { specInvalid } from "../errors.ts";
import type { SpecIssue } from "../errors.ts";
import type { FittedMapping } from "../mapping/fitted-mapping.ts";
import type { FittedKind } from "../map-kinds.ts";
import type { LoadedModel } from "../node.ts";
import { resolveLayer, resolveLayers } from "../plan/resolve.ts";
import { fitMapping } from "../run/fit-mapping.ts";
import { fitTexts } from "../run/fit-texts.ts";
import { sampleTexts } from "../run/sample-texts.ts";
import type { LayerName, LayerRef } from "../spec/spec.ts";
import type { Site } from "../site.ts";
import type { CommandContext } from "./context.ts";
import { optionsConflict } from "./errors.ts";
import { SAMPLE_TOKENS, fitProgress, mappedModel, sampleText } from "./fit-across.ts";
import { fitRecord, type KindOptions } from "./fit-options.ts";
import { withPart, type FitIdentity, type FitPart } from "./fit-part.ts";
import type { ModelOptions } from "./model-options.ts";
import type { Progress } from "./progress.ts";

/** The options of `patchscopes fit`. */
export interface FitOptions extends ModelOptions, KindOptions {
  readonly model: string;
  readonly texts?: string | undefined;
  readonly vectors?: string | undefined;
  readonly tensor?: string | undefined;
  readonly sample?: number | undefined;
  readonly layers?: LayerRef | undefined;
  readonly site: Site;
  readonly to?: number | undefined;
  readonly toModel?: string | undefined;
  readonly toLayers?: LayerRef | undefined;
  readonly maxTokens: number;
  readonly seed: number;
  readonly out: string;
}

/** All that a fit within one model is made of. */
export interface FitParts {
  readonly loaded: LoadedModel;
  readonly texts: readonly string[] | undefined;
  readonly options: FitOptions;
  /** The file to write; none for standard output. */
  readonly output: string | undefined;
  readonly context: CommandContext;
  readonly progress: Progress;
}

/** Fits and measures the maps; what a stopped fit has kept beside the output is used again. */
export async function fittedWithin(parts: FitParts, kind: FittedKind): Promise<FittedMapping> {
  const { output } = parts;
  const identity = async (): Promise<FitIdentity> => ({ facts: await factsOf(parts) });
  return withPart(output, identity, parts, (part) => fitted(parts, kind, part));
}

/** What sums follow from; `threads` and measuring change nothing in them. */
async function factsOf({ loaded, texts, options }: FitParts): Promise<object> {
  const { model, engine } = loaded;
  const { precision, device } = engine.info;
  const { layers, target } = layersOf({ loaded, options });
  const { kind, sample, seed, maxTokens, site, ahead, ridge, rank, hidden } = options;
  return {
    ...{ weights: await model.weightsHash(), precision, device },
    ...{ kind, layers, target, site, ahead, ridge, rank, hidden, seed, maxTokens, sample, texts },
  };
}

async function fitted(
  parts: FitParts,
  kind: FittedKind,
  part: FitPart | undefined,
): Promise<FittedMapping> {
  const { loaded, options, context, progress } = parts;
  const { model, engine } = loaded;
  const { seed, maxTokens, site } = options;
  const { layers, target } = layersOf(parts);
  const tokens = part?.stopped?.texts ?? (await tokensOf(parts));
  const used = fitTexts(tokens, { seed, maxTokens });
  const fit = await fitMapping({
    ...used,
    engine,
    layers,
    target,
    kind,
    ridge: options.ridge,
    rank: options.rank,
    hidden: options.hidden,
    ahead: options.ahead,
    site,
    seed,
    signal: context.signal,
    stopped: part?.stopped?.sums,
    onSums: part?.onSums(tokens),
    onProgress: fitProgress(progress),
    // Lets signals in between stretches of computing.
    rest: () => setImmediate(),
  });
  return {
    kind,
    model: await mappedModel(model),
    site,
    pairs: fit.pairs,
    fit: fitRecord(fit, used, {
      ...options,
      data: options.texts ?? sampleText(options.sample ?? 0),
    }),
  };
}

/** Absolute layers. Throws `spec-invalid` for those that the model has not. */
function layersOf({ loaded, options }: Pick<FitParts, "loaded" | "options">): {
  readonly layers: readonly LayerName[];
  readonly target: number;
} {
  const { model } = loaded;
  const issues: SpecIssue[] = [];
  const target = resolveLayer(options.to ?? -1, { model, path: ["to"], issues });
  const layers = resolveLayers(options.layers ?? "all", { model, path: ["layers"], issues });
  if (issues.length > 0 || typeof target !== "number") throw specInvalid(issues);
  const below = layers.filter((layer) => layer === "embedding" || layer < target);
  return { layers: [...new Set(options.layers === undefined ? below : layers)], target };
}

/** The texts as tokens: the user's, or those that the model writes. */
async function tokensOf(parts: FitParts): Promise<readonly (readonly number[])[]> {
  const { loaded, texts, options, context, progress } = parts;
  const { model, engine } = loaded;
  if (texts === undefined) {
    return sampleTexts({
      engine,
      start: model.tokenizer?.bos,
      endTokens: model.endTokens,
      texts: options.sample ?? 0,
      tokens: SAMPLE_TOKENS,
      seed: options.seed,
      signal: context.signal,
      onTokens: (done, total) =>
        progress.show({ label: "Writing texts", done, total, unit: "count" }),
    });
  }
  const { tokenizer } = model;
  if (tokenizer !== undefined) return texts.map((text) => tokenizer.encode(text).tokens);
  throw optionsConflict(
    "--texts needs a tokenizer, and this model has none.",
    "Use --sample N: the model writes token ids itself.",
  );
}
