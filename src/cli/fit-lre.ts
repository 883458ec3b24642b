/** `patchscopes fit --kind lre`: a relation as a linear map, from texts in which the subject is marked. */
import { setImmediate } from "node:timers/promises";
import { specInvalid, type SpecIssue } from "../errors.ts";
import type { FittedMapping } from "../mapping/fitted-mapping.ts";
import type { LoadedModel } from "../node.ts";
import { resolveLayer, resolveLayers } from "../plan/resolve.ts";
import { DEFAULT_RIDGE } from "../run/solve-sums.ts";
import { fitLre } from "../run/fit-lre.ts";
import { shuffledTexts } from "../run/fit-texts.ts";
import { subjectTexts } from "../run/subject-texts.ts";
import type { LayerRef } from "../spec/spec.ts";
import type { Site } from "../site.ts";
import type { CommandContext } from "./context.ts";
import { optionsConflict } from "./errors.ts";
import { fitProgress, mappedModel } from "./fit-across.ts";
import type { KindOptions } from "./fit-options.ts";
import { withPart, type FitIdentity, type FitPart } from "./fit-part.ts";
import type { Progress } from "./progress.ts";

/** Texts whose derivatives are taken: more hardly change their mean. */
const DEFAULT_EXAMPLES = 8;

interface RelationOptions extends KindOptions {
  readonly texts?: string | undefined;
  readonly layers?: LayerRef | undefined;
  readonly to?: number | undefined;
  readonly toModel?: string | undefined;
  readonly site: Site;
  readonly seed: number;
}

/** Refuses what relations have no use for. */
export function checkRelationOptions(options: RelationOptions): void {
  const { texts, toModel, site, ahead, ridge } = options;
  if (texts === undefined) {
    throw optionsConflict(
      "A relation is learned from --texts, in which the subjects are marked.",
      "Write a file of lines such as: The capital city of {France} is",
    );
  }
  if (toModel === undefined && site === "resid_post" && ahead === 0 && ridge === DEFAULT_RIDGE) {
    return;
  }
  throw optionsConflict(
    "--to-model, --site, --ahead and --ridge are not for --kind lre.",
    "Leave them out: a relation leads from one token to the last one, by derivatives.",
  );
}

/** All that a relation is learned from. */
interface RelationParts {
  readonly loaded: LoadedModel;
  readonly texts: readonly string[];
  readonly options: RelationOptions;
  /** The file to write; none for standard output. */
  readonly output: string | undefined;
  readonly context: CommandContext;
  readonly progress: Progress;
}

/** Learns a relation from some of the texts, and measures it on the others; goes on from what a stopped fit has kept. */
export async function fittedRelation(parts: RelationParts): Promise<FittedMapping> {
  const { output } = parts;
  const identity = async (): Promise<FitIdentity> => ({ facts: await factsOf(parts) });
  return withPart(output, identity, parts, (part) => fitted(parts, part));
}

/** What derivatives follow from; `--beta` comes behind their sum. */
async function factsOf({ loaded, texts, options }: RelationParts): Promise<object> {
  const { device, precision } = loaded.engine.info;
  const { seed, examples = DEFAULT_EXAMPLES } = options;
  return {
    ...{ kind: "lre", weights: await loaded.model.weightsHash(), precision, device },
    ...{ ...layersOf(loaded, options), seed, examples, texts },
  };
}

async function fitted(
  { loaded, texts, options, context, progress }: RelationParts,
  part: FitPart | undefined,
): Promise<FittedMapping> {
  const { model, engine } = loaded;
  const { tokenizer } = model;
  if (tokenizer === undefined) {
    throw optionsConflict(
      "--texts needs a tokenizer, and this model has none.",
      "Use a model with one: the subjects are marked in texts.",
    );
  }
  const { seed, examples = DEFAULT_EXAMPLES, beta = 1 } = options;
  const all = shuffledTexts(subjectTexts(texts, tokenizer), seed);
  const [used, heldOut] = [all.slice(0, examples), all.slice(examples)];
  const said: number[] = [];
  const pairs = await fitLre({
    engine,
    ...layersOf(loaded, options),
    texts: used,
    heldOut,
    beta,
    signal: context.signal,
    stopped: part?.stopped?.sums,
    onSums: part?.onSums([]),
    onSaid: (token) => said.push(token),
    onProgress: fitProgress(progress),
    rest: () => setImmediate(),
  });
  progress.clear();
  const next = saidNext(said, (token) => tokenizer.piece(token));
  if (next !== undefined) context.terminal.note(`${next}\n`);
  return {
    kind: "affine",
    model: await mappedModel(model),
    site: "resid_post",
    pairs,
    fit: {
      method: "lre",
      beta,
      data: options.texts ?? "",
      texts: all.length,
      states: used.length,
      heldOutStates: heldOut.length,
      seed,
      ridge: 0,
    },
  };
}

/** What the model itself says behind texts, the most usual first: there one sees whether they ask for the attribute. */
export function saidNext(
  said: readonly number[],
  pieceOf: (token: number) => string,
): string | undefined {
  if (said.length === 0) return undefined;
  const countOf = (token: number): number => said.filter((other) => other === token).length;
  const usual = [...new Set(said)].sort((a, b) => countOf(b) - countOf(a));
  const shown = usual
    .slice(0, MAX_SHOWN)
    .map((token) => `${JSON.stringify(pieceOf(token))} (${countOf(token)})`);
  const more = usual.length > MAX_SHOWN ? ", …" : "";
  return `Behind the texts that measure it the model itself says: ${shown.join(", ")}${more}. That is what the relation leads to: where it is not the attribute, let the texts end right before that.`;
}

/** More say nothing else. */
const MAX_SHOWN = 5;

/** Absolute layers; one in the middle where none is named. Throws `spec-invalid` for those that the model has not. */
function layersOf(
  { model }: LoadedModel,
  { layers, to }: RelationOptions,
): { readonly layers: ReturnType<typeof resolveLayers>; readonly target: number } {
  const issues: SpecIssue[] = [];
  const target = resolveLayer(to ?? -1, { model, path: ["to"], issues });
  const middle = Math.floor((model.architecture.layers - 1) / 2);
  const from = resolveLayers(layers ?? middle, { model, path: ["layers"], issues });
  if (issues.length > 0 || typeof target !== "number") throw specInvalid(issues);
  return { layers: [...new Set(from)], target };
}
