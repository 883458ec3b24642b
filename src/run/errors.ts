/** What can be wrong with a request for activations, or with a mapping once its file is read. */
import { PatchscopesError, specInvalid, type SpecIssue } from "../errors.ts";
import type { LoadedMapping } from "../mapping/fitted-mapping.ts";
import type { Plan } from "../plan/plan.ts";
import { siteNameHint } from "../site-names.ts";
import { READ_SITES, type ReadSite } from "../site.ts";

/** A name that means no site in any spelling. */
export function siteUnknown(site: string): PatchscopesError {
  return specInvalid([
    {
      code: "wrong-value",
      path: ["site"],
      message: `expected one of ${READ_SITES.join(", ")}, got ${JSON.stringify(site)}`,
      hint: siteNameHint(site) ?? "Other programs' names are known too: docs/spec.md lists them.",
    },
  ]);
}

/** Layers beside a site whose spelling names another one. */
export function otherLayers(
  site: string,
  layer: number | "embedding" | undefined,
): PatchscopesError {
  return specInvalid([
    {
      code: "conflict",
      path: ["layers"],
      message: `others than the site ${JSON.stringify(site)} names, ${layer}`,
      hint: "Leave the layers out, or write the site's name without one.",
    },
  ]);
}

/** Heads where there is no attention. */
export function noHeadsOfEmbedding(site: ReadSite): PatchscopesError {
  return specInvalid([
    {
      code: "embedding-site",
      path: ["layers"],
      message: `the embedding has no ${site}: it is what block 0 reads`,
      hint: "Name layers from 0 on.",
    },
  ]);
}

/** More numbers than an array may have. */
export function captureTooLarge(numbers: number, limit: number): PatchscopesError {
  const size = (count: number): string => `${(count / 2 ** 28).toFixed(1)} GiB`;
  return specInvalid([
    {
      code: "too-large",
      path: ["layers"],
      message: `the activations would take ${size(numbers)}; at most ${size(limit)} are captured at once`,
      hint: "Take fewer layers, or a shorter prompt.",
    },
  ]);
}

/** A mapping from a file where the caller gave no way to read files. */
export function mappingNotRead(file: string): PatchscopesError {
  return specInvalid([
    {
      code: "no-mapping",
      path: ["mapping", "file"],
      message: `the mapping ${file} was not loaded`,
      hint: "Pass the option mappings, a function that reads it: patchscopes/node has loadMapping.",
    },
  ]);
}

/** Neighbours where the caller gave no weights to look for them in. */
export function matricesMissing(): PatchscopesError {
  return specInvalid([
    {
      code: "no-weights",
      path: ["read", "kind"],
      message: "neighbours need the model's embedding, and the model came without weights",
      hint: "Give the model as openModel opens it.",
    },
  ]);
}

/** A mapping for vectors of other widths than those of a plan. */
export function mappingOfOtherModel(
  { file, model, target }: LoadedMapping,
  { from, to }: { readonly from: number; readonly to: number },
  { models, source }: Pick<Plan, "models" | "source">,
): SpecIssue {
  const maps =
    target === undefined
      ? `states of ${model.hiddenSize} numbers (${model.name})`
      : `states of ${model.hiddenSize} numbers (${model.name}) to ${target.hiddenSize} (${target.name})`;
  const name = source.file?.file ?? models?.source.name;
  const here =
    name === undefined
      ? `this model's have ${from}`
      : `here they go from ${from} (${name}) to ${to}${models === undefined ? "" : ` (${models.target.name})`}`;
  return {
    code: "mapping-other-model",
    path: ["mapping", "file"],
    message: `${file} maps ${maps}; ${here}`,
    hint: fitHint(models, source.file?.file),
  };
}

function fitHint(models: Plan["models"], file: string | undefined): string {
  if (file !== undefined) {
    return `Fit one: patchscopes fit --vectors ${file} --texts captions.txt, with a text for each vector.`;
  }
  return models === undefined
    ? "Fit one on this model: patchscopes fit --model M."
    : `Fit one: patchscopes fit --model ${models.source.name} --to-model ${models.target.name}.`;
}

/** A mapping whose maps are not of the kind that the spec names. */
export function mappingOfOtherKind({ file, kind }: LoadedMapping, wanted: string): SpecIssue {
  return {
    code: "mapping-other-kind",
    path: ["mapping", "kind"],
    message: `expected maps of the kind ${wanted}, and those of ${file} are ${kind}`,
    hint: `Write kind: ${kind}, or leave it out.`,
  };
}

/** A pair of layers that a mapping has no map for. */
export function mapMissing(facts: {
  readonly file: string;
  readonly source: string;
  readonly target: string;
  readonly pairs: string;
}): SpecIssue {
  const { file, source, target, pairs } = facts;
  return {
    code: "mapping-pair",
    path: ["mapping", "file"],
    message: `${file} has no map from layer ${source} to layer ${target}; it has ${pairs}`,
    hint: "Choose other layers, or fit these: patchscopes fit --layers … --to ….",
  };
}

/** Answers are words, and only a tokenizer has words. */
export function askNeedsTokenizer(): PatchscopesError {
  return new PatchscopesError({
    code: "spec-invalid",
    message: "This model has no tokenizer, and an answer is made of words.",
    hint: "Take a model with a tokenizer: patchscopes models lists some.",
  });
}

/** Less memory than one row of a run takes. */
export function memoryTooSmall(facts: {
  /** Bytes beside the model. */
  readonly memory: number;
  readonly needed: number;
}): PatchscopesError {
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  const { memory, needed } = facts;
  return new PatchscopesError({
    code: "usage",
    message: `This run takes at least ${megabytes(needed)} beside the model, and may have ${megabytes(Math.max(0, memory))}.`,
    hint: "Give it more memory, or take fewer tokens: a shorter prompt, a smaller maxTokens.",
  });
}
