/** `patchscopes fit --vectors FILE --texts FILE`: maps from another network's vectors to the states of texts that say what they are of. */
import { setImmediate } from "node:timers/promises";
import { basename } from "node:path";
import { specInvalid, type SpecIssue } from "../errors.ts";
import type { FittedMapping } from "../mapping/fitted-mapping.ts";
import type { LoadedVectors } from "../mapping/vector-file.ts";
import type { LoadedModel } from "../node.ts";
import { resolveLayers } from "../plan/resolve.ts";
import { captionTexts } from "../run/caption-texts.ts";
import { fitAcrossModels } from "../run/fit-cross-model.ts";
import { splitTexts } from "../run/fit-texts.ts";
import type { LayerName } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { optionsConflict } from "./errors.ts";
import { fitProgress, mappedModel } from "./fit-across.ts";
import { fitRecord } from "./fit-options.ts";
import { withPart, type FitIdentity, type FitPart } from "./fit-part.ts";
import type { FitOptions } from "./fit-within.ts";
import { earlyLayer } from "./map-layers.ts";
import type { Progress } from "./progress.ts";

/** Refuses what maps from vectors have no use for. */
export function checkVectorOptions(options: FitOptions): void {
  const { vectors, texts, sample, layers, to, toModel, toLayers, kind, site, ahead } = options;
  if (texts === undefined || sample !== undefined) {
    throw optionsConflict(
      "Vectors are mapped to the states of --texts, one for each of them.",
      "Write a file with a line for each vector, such as: a picture of a red apple",
    );
  }
  if (to !== undefined && toLayers !== undefined) {
    throw optionsConflict("There are both --to and --to-layers.", "Leave one of them out.");
  }
  if (kind !== "affine" && kind !== "low-rank") {
    throw optionsConflict(
      `--kind ${kind} is not for --vectors.`,
      "Fit --kind affine or low-rank: the vectors may be of any width.",
    );
  }
  if (layers === undefined && toModel === undefined && site === "resid_post" && ahead === 0) return;
  throw optionsConflict(
    "--layers, --to-model, --site and --ahead are not for --vectors.",
    `Leave them out: the vectors of ${vectors ?? "the file"} are of no layer.`,
  );
}

/** All that is fitted on. */
interface VectorParts {
  readonly loaded: LoadedModel;
  readonly vectors: LoadedVectors;
  readonly texts: readonly string[];
  readonly options: FitOptions;
  /** The file to write; none for standard output. */
  readonly output: string | undefined;
  readonly context: CommandContext;
  readonly progress: Progress;
}

/** Fits and measures the maps; goes on from what a stopped fit has kept. */
export async function fittedVectors(parts: VectorParts): Promise<FittedMapping> {
  const { loaded, vectors, output } = parts;
  const { hash, shape } = vectors;
  const mapping = {
    kind: parts.options.kind === "low-rank" ? "low-rank" : "affine",
    model: {
      ...{ name: basename(vectors.file), weights: hash },
      ...{ layers: 1, hiddenSize: shape.at(-1) ?? 0 },
    },
    target: await mappedModel(loaded.model),
    site: "resid_post",
    anySource: true,
  } as const;
  const identity = (): Promise<FitIdentity> =>
    Promise.resolve({ facts: { ...factsOf(parts), weights: mapping.target.weights }, mapping });
  return withPart(output, identity, parts, async (part) => ({
    ...mapping,
    ...(await fitted(parts, mapping.kind, part)),
  }));
}

/** What sums follow from. */
function factsOf({ loaded, vectors, texts, options }: VectorParts): object {
  const { device, precision } = loaded.engine.info;
  const { kind, ridge, rank, seed, maxTokens } = options;
  const to = targetsOf(loaded, options);
  return {
    kind,
    ridge,
    rank,
    seed,
    maxTokens,
    texts,
    to,
    device,
    precision,
    vectors: vectors.hash,
  };
}

async function fitted(
  { loaded, vectors, texts, options, context, progress }: VectorParts,
  kind: "affine" | "low-rank",
  part: FitPart | undefined,
): Promise<Pick<FittedMapping, "pairs" | "fit">> {
  const { model, engine } = loaded;
  const { tokenizer } = model;
  if (tokenizer === undefined) {
    throw optionsConflict(
      "--texts needs a tokenizer, and this model has none.",
      "Use a model with one: it reads what the vectors are of.",
    );
  }
  const { ridge, rank, seed, maxTokens } = options;
  const used = splitTexts(captionTexts(texts, rowsOf(vectors, texts.length), tokenizer), {
    seed,
    maxTokens,
  });
  const fit = await fitAcrossModels({
    ...used,
    source: { width: vectors.shape.at(-1) ?? 0, rows: vectors.data },
    target: engine,
    pairs: targetsOf(loaded, options).map((target) => ({ source: 0, target })),
    ...{ kind, rank, ridge },
    signal: context.signal,
    stopped: part?.stopped?.sums,
    onSums: part?.onSums([]),
    onProgress: fitProgress(progress),
    rest: () => setImmediate(),
  });
  return {
    pairs: fit.pairs,
    fit: fitRecord(fit, used, { ...options, data: options.texts ?? "" }),
  };
}

/** Vectors of each text. Throws `usage` where there are not as many of them as texts. */
function rowsOf({ file, shape }: LoadedVectors, texts: number): number {
  const [items = 0, rows = 1] = shape.slice(0, -1);
  if (shape.length > 1 && items === texts) return rows;
  const one = "one a line; texts with blank lines between them are read as such";
  throw optionsConflict(
    `${file} is [${shape.join(", ")}], and there are ${texts} texts.`,
    `The first axis is that of the vectors, and each has its text, ${one}.`,
  );
}

/** Absolute layers. Throws `spec-invalid` for those that the model has not. */
function targetsOf({ model }: LoadedModel, { to, toLayers }: FitOptions): readonly LayerName[] {
  const issues: SpecIssue[] = [];
  const early = earlyLayer(model.architecture.layers);
  const path = [toLayers === undefined ? "to" : "to-layers"];
  const found = resolveLayers(toLayers ?? to ?? early, { model, path, issues });
  if (issues.length > 0) throw specInvalid(issues);
  return [...new Set(found)];
}
