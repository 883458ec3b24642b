/**
 * The one door from unknown data to a spec: all issues at once, all defaults filled in, nothing ignored.
 * What version 1 names and this program cannot do yet is an issue too. Whether layers, positions and texts
 * exist in a model is for the plan to say.
 */
import * as z from "zod";
import { specInvalid, type SpecIssue } from "../errors.ts";
import {
  notBuilt,
  notOnePrompt,
  patchesAndAxis,
  samplesGenerate,
  wrongValue,
  type Complaint,
} from "./errors.ts";
import { jsonSchemaOf, type JsonSchema } from "./json-form.ts";
import { choose, isRecord, issuesOf, record } from "./schema-parts.ts";
import {
  layerOr,
  layersOr,
  layersTogether,
  layerWindow,
  positionsOr,
  singlePosition,
} from "./schema-places.ts";
import { contamination, interventions } from "./schema-interventions.ts";
import { metrics } from "./schema-metrics.ts";
import { contrast, controls, read } from "./schema-read.ts";
import { layerBesideNamed, site, withNamedLayer, writtenLayer } from "./schema-site.ts";
import { mapping, mode } from "./schema-write.ts";
import type { PatchscopeSpec, Prompt, TargetSpec } from "./spec.ts";

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

// Bounds what a crafted spec can allocate: the longest contexts there are.
const MAX_PROMPT_TOKENS = 1_000_000;
const MAX_MESSAGES = 10_000;
// Vectors written in one cell: every layer at every place of a long prompt.
const MAX_PATCHES = 100_000;

const text = z.string().min(1);
const integer = z.int().transform((value) => value + 0); // no -0, which JSON would not keep apart

const promptFields = {
  prompt: z.string().optional(),
  tokens: z.array(z.int().min(0)).min(1).max(MAX_PROMPT_TOKENS).optional(),
  messages: z
    .array(record({ role: text, content: z.string() }))
    .min(1)
    .max(MAX_MESSAGES)
    .optional(),
};

function onePrompt(hint?: string): (value: Readonly<Record<string, unknown>>) => Complaint[] {
  return (value) => {
    const given = Object.keys(promptFields).filter((key) => value[key] !== undefined);
    return given.length === 1 ? [] : [notOnePrompt(given, hint)];
  };
}

const PROMPT_KEYWORDS = {
  oneOf: Object.keys(promptFields).map((key) => ({ required: [key] })),
};

const siteField = site.default("resid_post");

const sourceFields = record(
  {
    model: text,
    ...promptFields,
    position: positionsOr(["all"]).default(-1),
    layer: layersOr(["all"]).default("all"),
    site: siteField,
  },
  {
    check: (value) => [...onePrompt()(value), ...layerBesideNamed(value)],
    keywords: PROMPT_KEYWORDS,
  },
);

const targetLayers = layersOr<"all" | "same" | "earlier">(["all", "same", "earlier"]);

const targetFields = record(
  {
    model: text.default("same"),
    ...promptFields,
    position: positionsOr(["all", "same"]).default(-1),
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

const RESERVED = ["sources"];

const specSchema = record(
  {
    version,
    name: z.exactOptional(z.string()),
    source: withNamedLayer(sourceFields),
    mapping: mapping.default({ kind: "identity" }),
    target: withNamedLayer(targetFields),
    patches: z.exactOptional(z.array(patch).max(MAX_PATCHES)),
    interventions: interventions.default([]),
    read: read.default({ kind: "generate", maxTokens: 20, topK: 10, ignoreEos: false }),
    metrics: metrics.default([]),
    controls: controls.default([{ kind: "unpatched" }, { kind: "unrelated" }]),
    contrast: contrast.default([]),
    seed: integer.default(0),
    // Where an editor finds the schema; no part of the spec.
    $schema: z.exactOptional(z.string()),
  },
  {
    keyHint: (key) => (key === "decoding" ? "decoding goes under read." : undefined),
    refused: Object.fromEntries(
      RESERVED.map((key) => [key, notBuilt(key, `Leave ${key} out.`, [key])]),
    ),
    check: (value) => [...axesBesidePatches(value), ...samplesBesideText(value)],
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
      ...promptOf(source),
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

function promptOf(fields: {
  readonly prompt?: string | undefined;
  readonly tokens?: readonly number[] | undefined;
  readonly messages?: readonly { readonly role: string; readonly content: string }[] | undefined;
}): Prompt {
  if (fields.tokens !== undefined) return { tokens: fields.tokens };
  if (fields.messages !== undefined) return { messages: fields.messages };
  return { prompt: fields.prompt ?? "" };
}
