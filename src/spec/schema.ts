/**
 * The one door from unknown data to a spec: all issues at once, all defaults filled in, nothing ignored.
 * What version 1 names and this program cannot do yet is an issue too. Whether layers, positions and texts
 * exist in a model is for the plan to say.
 */
import * as z from "zod";
import { specInvalid, type SpecIssue } from "../errors.ts";
import { patchesAndAxis, samplesGenerate, wrongValue, type Complaint } from "./errors.ts";
import { jsonSchemaOf, type JsonSchema } from "./json-form.ts";
import { choose, isRecord, issuesOf, record } from "./schema-parts.ts";
import {
  layerOr,
  layersOr,
  layersTogether,
  layerWindow,
  singlePosition,
  sourcePositions,
  targetPositions,
} from "./schema-places.ts";
import { compat } from "./schema-compat.ts";
import { contamination, interventions } from "./schema-interventions.ts";
import { metrics } from "./schema-metrics.ts";
import { contrast, controls, read } from "./schema-read.ts";
import { layerBesideNamed, site, withNamedLayer, writtenLayer } from "./schema-site.ts";
import { mapping, mode } from "./schema-write.ts";
import {
  fileFields,
  namedSources,
  onePrompt,
  onePromptOrFile,
  PROMPT_KEYWORDS,
  PROMPT_OR_FILE_KEYWORDS,
  promptFields,
  promptOf,
  promptOrFileOf,
  unnamedSources,
} from "./schema-sources.ts";
import type { PatchscopeSpec, SourceSpec, TargetSpec } from "./spec.ts";

/** Reads a spec from unknown data. Throws `spec-invalid` with every issue. */
export function parseSpec(input: unknown): PatchscopeSpec {
  const parsed = safeParseSpec(input);
  if (!parsed.success) throw specInvalid(parsed.issues);
  return parsed.spec;
}

export type ParsedSpec =
  | { readonly success: true; readonly spec: PatchscopeSpec }
  | { readonly success: false; readonly issues: readonly SpecIssue[] };

/** As {@link parseSpec}, with the issues as data. */
export function safeParseSpec(input: unknown): ParsedSpec {
  const parsed = specSchema.safeParse(input);
  return parsed.success
    ? { success: true, spec: specOf(parsed.data) }
    : { success: false, issues: issuesOf(parsed.error) };
}

/** What a spec file is made of, as JSON Schema: for editors, and for programs that write specs. */
export function specJsonSchema(): JsonSchema {
  const { $schema, ...json } = jsonSchemaOf(specSchema);
  return { $schema, title: "A Patchscope, version 1", ...json };
}

// Vectors written in one cell: every layer at every place of a long prompt.
const MAX_PATCHES = 100_000;

const integer = z.int().transform((value) => value + 0); // no -0, which JSON would not keep apart

const siteField = site.default("resid_post");

const sourceLayers = layersOr<"all">(["all"]);

const sourceFields = record(
  {
    model: z.string().min(1),
    ...promptFields,
    ...fileFields,
    position: sourcePositions.default(-1),
    layer: choose<SourceSpec["layer"]>(
      "a layer index, embedding, a list of them, {from, to, step}, {together: list} or all",
      (value) => (isRecord(value) && "together" in value ? layersTogether : sourceLayers),
      [sourceLayers, layersTogether],
    ).default("all"),
    site: siteField,
  },
  {
    check: (value) => [...onePromptOrFile(value), ...layerBesideNamed(value)],
    keywords: PROMPT_OR_FILE_KEYWORDS,
  },
);

const targetLayers = layersOr<"all" | "same" | "earlier">(["all", "same", "earlier"]);

const targetFields = record(
  {
    model: z.string().min(1).default("same"),
    ...promptFields,
    position: targetPositions.default(-1),
    layer: choose<TargetSpec["layer"]>(
      "a layer index, embedding, a list of them, {from, to, step}, {together: list}, {window: n}, all, same or earlier",
      (value) => {
        if (!isRecord(value)) return targetLayers;
        if ("together" in value) return layersTogether;
        return "window" in value ? layerWindow : targetLayers;
      },
      [targetLayers, layersTogether, layerWindow],
    ).default("same"),
    site: siteField,
    mode: mode.default("replace"),
    contamination: contamination.default("keep"),
  },
  {
    check: (value) => [
      ...onePrompt("Write prompt: same for the source's prompt.")(value),
      ...layerBesideNamed(value),
    ],
    keywords: PROMPT_KEYWORDS,
  },
);

const patch = record({
  source: record({ position: singlePosition.default(-1), layer: layerOr([]) }),
  target: record({
    position: singlePosition.default(-1),
    layer: layerOr(["same"]).default("same"),
  }),
}).transform(({ source, target }) => ({
  source,
  target: {
    position: target.position,
    layer: target.layer === "same" ? source.layer : target.layer,
  },
}));

const one = z.literal(1);
const version = choose<1>(
  "1",
  (value) =>
    value === 1
      ? one
      : wrongValue("1", value, "Specs of version 1 are the ones this program reads."),
  [one],
);

const specSchema = record(
  {
    version,
    name: z.exactOptional(z.string()),
    source: withNamedLayer(sourceFields),
    sources: namedSources.default({}),
    mapping: mapping.default({ kind: "identity" }),
    target: withNamedLayer(targetFields),
    patches: z.exactOptional(z.array(patch).max(MAX_PATCHES)),
    interventions: interventions.default([]),
    read: read.default({ kind: "generate", maxTokens: 20, topK: 10, ignoreEos: false }),
    metrics: metrics.default([]),
    controls: controls.default([{ kind: "unpatched" }, { kind: "unrelated" }]),
    contrast: contrast.default([]),
    compat: z.exactOptional(compat),
    seed: integer.default(0),
    // Where an editor finds the schema; no part of the spec.
    $schema: z.exactOptional(z.string()),
  },
  {
    keyHint: (key) => (key === "decoding" ? "decoding goes under read." : undefined),
    check: (value) => [
      ...axesBesidePatches(value),
      ...samplesBesideText(value),
      ...unnamedSources(value),
    ],
  },
);

/** Positions and layers beside `patches`. Those that say the default say nothing, so a written-out spec stays valid. */
function axesBesidePatches(spec: Readonly<Record<string, unknown>>): readonly Complaint[] {
  if (spec["patches"] === undefined) return [];
  const defaults = {
    source: { position: -1, layer: "all" },
    target: { position: -1, layer: "same" },
  };
  return Object.entries(defaults).flatMap(([side, fields]) =>
    Object.entries(fields).flatMap(([field, byDefault]) => {
      const written = spec[side];
      if (!isRecord(written)) return [];
      const value = field === "layer" ? writtenLayer(written) : written[field];
      return value === undefined || value === byDefault ? [] : [patchesAndAxis([side, field])];
    }),
  );
}

/** Several samples of noise beside a read that generates. */
function samplesBesideText(spec: Readonly<Record<string, unknown>>): readonly Complaint[] {
  const { read: asked, interventions: given } = spec;
  if (!Array.isArray(given) || (isRecord(asked) && asked["kind"] === "next-token")) return [];
  return given.flatMap((entry: unknown, index) => {
    const isSeveral = isRecord(entry) && entry["kind"] === "noise" && Number(entry["samples"]) > 1;
    return isSeveral ? [samplesGenerate(["interventions", index, "samples"])] : [];
  });
}

function specOf(parsed: z.output<typeof specSchema>): PatchscopeSpec {
  const { $schema: _, ...fields } = parsed;
  const { source, target } = fields;
  const { position, layer, site, mode, contamination: seen } = target;
  return {
    ...fields,
    source: {
      model: source.model,
      ...promptOrFileOf(source),
      position: source.position,
      layer: source.layer,
      site: source.site,
    },
    target: {
      // The source's model, named a second time, is the same one.
      ...{ model: target.model === source.model ? "same" : target.model, ...promptOf(target) },
      ...{ position, layer, site, mode, contamination: seen },
    },
  };
}
