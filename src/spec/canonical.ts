/**
 * The identity of a run: a spec as canonical JSON, and its hash. Keys are sorted, every field that has its
 * default is left out (so that new fields never change a hash), models stand as their weights' hashes, and
 * spellings of the same thing are one. The name is not part of it.
 */
import { isList } from "./is-list.ts";
import type {
  CompatSpec,
  ContrastSpec,
  ControlSpec,
  DecodingSpec,
  FindPosition,
  FindSpan,
  InterventionSpec,
  LayerRef,
  LayersTogether,
  LayerWindow,
  MappingSpec,
  MappingStep,
  MarkedPosition,
  MetricSpec,
  NamedSource,
  PatchscopeSpec,
  PositionRange,
  PositionRef,
  PositionsTogether,
  Prompt,
  ReadSpec,
  SinglePosition,
  VectorFile,
} from "./spec.ts";

/** What stands for the files of a spec: the hashes of its models, as `Model.weightsHash` gives them, and of its mapping's file. */
export interface WeightsHashes {
  readonly source: string;
  /** Only where the target's model is another. */
  readonly target?: string | undefined;
  /** `sha256:…` of the bytes; only where the mapping is a file. */
  readonly mapping?: string | undefined;
  /** Of the files that vectors come from, by their paths. */
  readonly vectors?: ReadonlyMap<string, string> | undefined;
}

/** A spec as canonical JSON. Equal for specs that ask for the same thing, whatever the model is called. */
export function canonicalSpec(spec: PatchscopeSpec, weights: WeightsHashes): string {
  const { source, target } = spec;
  const promptOfSource = sourceFields(source, weights);
  const otherModel = unless(weights.source, weights.target);
  // Another model reads the same text by its own tokens, and the same tokens as other ones.
  const isPortable = otherModel === undefined || !("tokens" in source);
  const isSamePrompt =
    ("prompt" in target && target.prompt === "same") ||
    (isPortable && stringify(promptFields(target)) === stringify(promptOfSource));
  return stringify({
    version: spec.version,
    source: {
      model: weights.source,
      ...promptOfSource,
      position: unless(-1, position(source.position)),
      layer: unless("all", layer(source.layer)),
      site: unless("resid_post", source.site),
    },
    target: {
      model: otherModel,
      ...(isSamePrompt ? { prompt: "same" } : promptFields(target)),
      position: unless(-1, position(target.position)),
      layer: unless("same", layer(target.layer)),
      site: unless("resid_post", target.site),
      mode: unless("replace", target.mode),
      contamination: unless("keep", target.contamination),
    },
    sources: sources(spec.sources, weights),
    mapping: mapping(spec.mapping, weights),
    patches: spec.patches?.map((patch) => ({
      source: { position: single(patch.source.position), layer: patch.source.layer },
      target: { position: single(patch.target.position), layer: patch.target.layer },
    })),
    interventions: interventions(spec.interventions, weights),
    read: read(spec.read),
    metrics: metrics(spec.metrics),
    controls: controls(spec.controls),
    contrast: contrast(spec.contrast),
    compat: compat(spec.compat),
    seed: unless(0, spec.seed),
  });
}

/** `sha256:…` of the canonical JSON's UTF-8 bytes. */
export async function specHash(spec: PatchscopeSpec, weights: WeightsHashes): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalSpec(spec, weights));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Steps that change nothing are none; a list of one is that one. */
function mapping(spec: MappingSpec, weights: WeightsHashes): Json {
  const steps = [spec].flat().filter(({ kind }) => kind !== "identity");
  return steps.length === 0 ? undefined : oneOrMore(steps.map((each) => step(each, weights)));
}

/** A file is what it holds, wherever it lies. */
function step(spec: MappingStep, weights: WeightsHashes): Json {
  switch (spec.kind) {
    case "file":
      return { file: weights.mapping ?? spec.file };
    case "scale":
      return { ...spec, factor: isList(spec.factor) ? oneOrMore(spec.factor) : spec.factor };
    case "scalar-affine":
      return { ...spec, factor: unless(1, spec.factor), bias: unless(0, spec.bias) };
    case "projection":
      return { ...spec, remove: unless(false, spec.remove) };
    default:
      return spec;
  }
}

function sources(spec: PatchscopeSpec["sources"], weights: WeightsHashes): Json {
  const entries = Object.entries(spec).map(([name, source]): readonly [string, Json] => [
    name,
    named(source, weights),
  ]);
  return entries.length === 0 ? undefined : Object.fromEntries<Json>(entries);
}

function named(source: NamedSource, weights: WeightsHashes): Json {
  return {
    ...sourceFields(source, weights),
    position: unless(-1, single(source.position)),
    layer: unless("same", source.layer),
  };
}

function sourceFields(
  source: Prompt | VectorFile,
  weights: WeightsHashes,
): Readonly<Record<string, Json>> {
  return "file" in source ? fileOf(source, weights) : promptFields(source);
}

/** Vectors are what their file holds, wherever it lies. */
function fileOf(
  { file, tensor, item }: VectorFile,
  { vectors }: WeightsHashes,
): Readonly<Record<string, Json>> {
  return { file: vectors?.get(file) ?? file, tensor, item };
}

function compat(spec: CompatSpec | undefined): Json {
  if (typeof spec !== "object") return spec;
  const { source, target } = spec.padding;
  return { kind: spec.kind, padding: { source: unless(0, source), target: unless(0, target) } };
}

type Json =
  string | number | boolean | undefined | readonly Json[] | { readonly [key: string]: Json };

/** Without what is undefined; keys in the order of their UTF-16 code units. */
function stringify(value: Json): string {
  if (isList(value)) return `[${value.map(stringify).join(",")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${stringify(field)}`);
  return `{${fields.join(",")}}`;
}

function unless(byDefault: Json, value: Json): Json {
  return value === byDefault ? undefined : value;
}

function promptFields(prompt: Prompt): Readonly<Record<string, Json>> {
  if ("tokens" in prompt) return { tokens: prompt.tokens };
  if ("messages" in prompt) {
    return { messages: prompt.messages.map(({ role, content }) => ({ role, content })) };
  }
  return { prompt: prompt.prompt };
}

/** A list of one is that one. */
function oneOrMore(entries: readonly Json[]): Json {
  return entries.length === 1 ? entries[0] : entries;
}

function position(ref: PositionRef | PositionsTogether | MarkedPosition | "same"): Json {
  if (isList(ref)) return oneOrMore(ref.map(single));
  if (typeof ref === "string" || typeof ref === "number") return ref;
  if ("together" in ref) return { together: slice(ref.together) };
  if ("marker" in ref) return { marker: ref.marker, as: unless("x", ref.as), times: ref.times };
  if ("offset" in ref) return single(ref);
  return "find" in ref ? find(ref) : range(ref);
}

/** A list stays one, so that it can be read again. */
function slice(ref: PositionsTogether["together"]): Json {
  if (isList(ref)) return ref.map(single);
  if (ref === "all") return ref;
  return "find" in ref ? find(ref) : range(ref);
}

function range({ from, to }: PositionRange): Json {
  return { from: single(from), to: single(to) };
}

function single(ref: SinglePosition): Json {
  if (typeof ref === "number") return ref;
  return "offset" in ref ? { offset: ref.offset } : find(ref);
}

function find(ref: FindPosition | FindSpan): Json {
  const occurrence = ref.occurrence === 1 ? "first" : ref.occurrence;
  return {
    find: ref.find,
    occurrence: unless("first", occurrence),
    token: unless("last", ref.token),
  };
}

function layer(ref: LayerRef | LayersTogether | LayerWindow | "same" | "earlier"): Json {
  if (isList(ref)) return oneOrMore(ref);
  if (typeof ref === "string" || typeof ref === "number") return ref;
  if ("window" in ref) return ref.window === 1 ? "same" : { window: ref.window };
  if ("together" in ref) return { together: ref.together };
  return { from: ref.from, to: ref.to, step: unless(1, ref.step) };
}

function read(spec: ReadSpec): Json {
  const topK = unless(10, spec.topK);
  if (spec.kind === "next-token") {
    const at = spec.position === "same" ? "same" : single(spec.position);
    return { kind: spec.kind, topK, position: unless(-1, at) };
  }
  if (spec.kind === "neighbours") return { kind: spec.kind, topK, of: unless("input", spec.of) };
  if (spec.kind === "propagation") return { kind: spec.kind, topK };
  const fields = {
    topK,
    maxTokens: unless(20, spec.maxTokens),
    ignoreEos: unless(false, spec.ignoreEos),
    stop: spec.stop && setOf(spec.stop),
    roundTrip: unless(false, spec.roundTrip),
    decoding: spec.decoding && decoding(spec.decoding),
  };
  return Object.values(fields).every((field) => field === undefined) ? undefined : fields;
}

/** A contrast alone draws nothing, so beside one what draws is written out. */
function decoding(spec: DecodingSpec): Json {
  const contrasted = spec.contrast && {
    amount: unless(1, spec.contrast.amount),
    plausibility: unless(0.1, spec.contrast.plausibility),
  };
  if (!("temperature" in spec)) return { contrast: contrasted };
  return {
    temperature: contrasted ? spec.temperature : unless(1, spec.temperature),
    topP: unless(1, spec.topP),
    topK: spec.topK,
    contrast: contrasted,
  };
}

/** By kind: their order changes nothing. */
function controls(specs: readonly ControlSpec[]): Json {
  const entries = specs.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)).map((spec) => ({ ...spec }));
  return unless(DEFAULT_CONTROLS, stringify(entries)) === undefined ? undefined : entries;
}

/** The mixture of all of them: their order changes nothing. */
function contrast(specs: readonly ContrastSpec[]): Json {
  const entries = specs
    .map((spec): Json =>
      "prompt" in spec
        ? { prompt: spec.prompt, position: unless(-1, single(spec.position)) }
        : { ...spec },
    )
    .sort((a, b) => (stringify(a) < stringify(b) ? -1 : 1));
  return entries.length === 0 ? undefined : entries;
}

/** All at once: their order changes nothing, nor does that of their positions and layers. */
function interventions(specs: readonly InterventionSpec[], weights: WeightsHashes): Json {
  const entries = specs
    .map((spec) => intervention(spec, weights))
    .sort((a, b) => (stringify(a) < stringify(b) ? -1 : 1));
  return entries.length === 0 ? undefined : entries;
}

/** Of what is swept, every entry is a cell: there the order counts, and so do repetitions. */
function intervention(spec: InterventionSpec, weights: WeightsHashes): Json {
  const places = (ref: PositionRef): Json => {
    const written = position(ref);
    return "sweep" in spec ? written : setOf(written);
  };
  switch (spec.kind) {
    case "attention-knockout":
      return {
        kind: spec.kind,
        from: places(spec.from),
        to: places(spec.to),
        layers: blocks(spec),
        sweep: spec.sweep,
      };
    case "noise":
      return {
        kind: spec.kind,
        positions: places(spec.positions),
        scale: unless(3, spec.scale),
        samples: unless(1, spec.samples),
      };
    case "ablation":
      return {
        kind: spec.kind,
        positions: places(spec.positions),
        layers: blocks(spec),
        site: unless("resid_post", spec.site),
        with: unless("zero", spec.with),
        sweep: spec.sweep,
      };
    case "soft-prompt":
      // One to one: the order of positions counts.
      return { kind: spec.kind, ...fileOf(spec, weights), positions: position(spec.positions) };
  }
}

function blocks(spec: { readonly layers: LayerRef; readonly sweep?: object }): Json {
  const written = layer(spec.layers);
  return unless("all", spec.sweep === undefined ? setOf(written) : written);
}

/** Each stands under its own name: their order changes nothing. */
function metrics(specs: readonly MetricSpec[]): Json {
  if (specs.length === 0) return undefined;
  return specs
    .map((spec): Json => ({ ...spec }))
    .sort((a, b) => (stringify(a) < stringify(b) ? -1 : 1));
}

/** A list whose order and repetitions mean nothing. */
function setOf(value: Json): Json {
  if (!isList(value)) return value;
  const byText = new Map(value.map((entry) => [stringify(entry), entry] as const));
  return oneOrMore([...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry));
}

const DEFAULT_CONTROLS = '[{"kind":"unpatched"},{"kind":"unrelated"}]';
