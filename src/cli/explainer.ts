/**
 * `inspect --explainer`: the states are read by another model. Which layers are taken where nobody says, and the map
 * that the states go through: the user's, or one that is fitted on the spot and kept in the cache folder.
 */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FittedMapping, LoadedMapping } from "../mapping/fitted-mapping.ts";
import { readMapping, writeMapping } from "../mapping/mapping-file.ts";
import type { Model } from "../models/model.ts";
import { readSettings } from "../models/sources/settings.ts";
import { loadVectorFiles, planSpec } from "../run/run-spec.ts";
import type { LayerRef, PatchscopeSpec } from "../spec/spec.ts";
import { nothingToExplain } from "./errors.ts";
import { fittedAcross, sampleText, type AcrossParts, type AcrossRequest } from "./fit-across.ts";
import { removePart } from "./fit-part.ts";
import { earlyLayer, lowestTarget, sourcesOf } from "./map-layers.ts";
import { openOutput } from "./output.ts";
import { loadVectorsFile } from "./run-and-show.ts";

export interface ExplainerOptions {
  /** The user's mapping. */
  readonly map?: string | undefined;
  readonly layers?: unknown;
  readonly targetLayer?: unknown;
}

/**
 * A spec whose target runs in another model; its layers and its map may still be open.
 * Throws `usage` where the spec writes no state.
 */
export function readBy(spec: PatchscopeSpec, explainer: string): PatchscopeSpec {
  if (spec.patches?.length === 0) throw nothingToExplain(explainer);
  return { ...spec, target: { ...spec.target, model: explainer } };
}

/** What is fitted where nobody gave a map: enough for it to work, in about a minute on two idle cores. */
const ON_THE_SPOT = {
  sample: 48,
  maxTokens: 3000,
  maxHeldOut: 192,
  kind: "affine",
  // Few states for so many weights: the pull towards zero is what keeps them useful.
  ridge: 0.05,
  seed: 0,
} as const;
/** Raised when a map would be fitted otherwise. */
const FIT_VERSION = 1;

/** Of the source's layers, where nobody says which: every map takes time. */
const LAYERS_ON_THE_SPOT = 8;

type Models = Readonly<Record<"source" | "target", Model>>;

/** The spec with its layers, and the file of its map, which need not be there yet. */
export async function completed(
  draft: PatchscopeSpec,
  options: ExplainerOptions,
  models: Models,
): Promise<PatchscopeSpec> {
  const given = options.map === undefined ? undefined : await mappingOf(options.map);
  const spec = withLayers(draft, options, models, given);
  if (options.map !== undefined) return throughFile(spec, options.map);
  const open = throughFile(spec, "map.safetensors");
  return throughFile(spec, await keptPath(await pairsOf(open, models), models));
}

/** What `explain` says of the map. */
export async function mapLine(spec: PatchscopeSpec): Promise<string> {
  const file = fileOf(spec);
  const isThere = (await mappingOf(file).catch(() => undefined)) !== undefined;
  return isThere
    ? `Map: ${file}.`
    : `Map: fitted first, on ${sampleText(ON_THE_SPOT.sample)}, and kept as ${file}.`;
}

/** The spec with its layers and a map that is there, and how it is read. */
export async function withMap(
  draft: PatchscopeSpec,
  options: ExplainerOptions,
  parts: AcrossParts,
): Promise<{
  readonly spec: PatchscopeSpec;
  readonly mappings: (file: string) => Promise<LoadedMapping>;
}> {
  const models = { source: parts.loaded.model, target: parts.target.model };
  const spec = await completed(draft, options, models);
  const file = fileOf(spec);
  if (options.map !== undefined) return { spec, mappings: mappingOf };
  const say = (text: string): void => {
    parts.progress.clear();
    parts.context.terminal.note(`${text}\n`);
  };
  const kept = await mappingOf(file).catch(() => undefined);
  if (kept !== undefined) {
    say(`Reading through the map that was fitted before: ${file}`);
    return { spec, mappings: () => Promise.resolve(kept) };
  }
  say(
    `There is no map from ${models.source.name} to ${models.target.name} yet: one is fitted now, in about a minute, and kept.`,
  );
  const { sample } = ON_THE_SPOT;
  const pairs = await pairsOf(spec, models);
  const output = (await canKeep(file, parts)) ? file : undefined;
  const mapping = await fittedAcross(
    { ...parts, output },
    { ...ON_THE_SPOT, pairs, data: sampleText(sample) },
  );
  const bytes = writeMapping(mapping);
  const isKept = await keep(file, bytes, parts);
  if (isKept) await removePart(file);
  say(`${qualityOf(mapping)} ${isKept ? `Kept as ${file}` : "It could not be kept."}`);
  const loaded = await readMapping(file, new Uint8Array(Buffer.concat(bytes)));
  return { spec, mappings: () => Promise.resolve(loaded) };
}

/** The map stands behind steps that use other states of the source's model, and before those that use none. */
function throughFile(spec: PatchscopeSpec, file: string): PatchscopeSpec {
  const steps = [spec.mapping].flat().filter(({ kind }) => kind !== "identity" && kind !== "file");
  const before = steps.filter((step) => "with" in step || "onto" in step);
  const behind = steps.filter((step) => !("with" in step || "onto" in step));
  const map = { kind: "file", file } as const;
  return { ...spec, mapping: steps.length === 0 ? map : [...before, map, ...behind] };
}

function fileOf({ mapping }: PatchscopeSpec): string {
  const step = [mapping].flat().find(({ kind }) => kind === "file");
  return step?.kind === "file" ? step.file : "";
}

async function mappingOf(path: string): Promise<LoadedMapping> {
  const { loadMapping } = await import("../node.ts");
  return loadMapping(path);
}

/** Layers where none were asked for: those that a given mapping has, else some of the source into an early one. */
function withLayers(
  spec: PatchscopeSpec,
  { layers, targetLayer }: ExplainerOptions,
  models: Models,
  given: FittedMapping | undefined,
): PatchscopeSpec {
  const early = earlyLayer(models.target.architecture.layers);
  const isOpen = targetLayer === undefined && spec.target.layer === "same";
  const to = isOpen ? (given === undefined ? early : lowestTarget(given)) : spec.target.layer;
  const from =
    given === undefined ? spread(models.source.architecture.layers) : sourcesOf(given, to);
  return {
    ...spec,
    source: layers === undefined ? { ...spec.source, layer: from } : spec.source,
    target: { ...spec.target, layer: to },
  };
}

/** About eight layers, evenly, the last one among them. */
function spread(layers: number): LayerRef {
  const step = Math.ceil(layers / LAYERS_ON_THE_SPOT);
  return { from: (layers - 1) % step, to: layers - 1, step };
}

/** The pairs of layers that a spec's cells need maps for. */
async function pairsOf(
  spec: PatchscopeSpec,
  { source, target }: Models,
): Promise<AcrossRequest["pairs"]> {
  const vectors = await loadVectorFiles(spec, loadVectorsFile);
  const { cells } = planSpec(spec, source, { target, vectors });
  const names = cells.flatMap(({ writes }) => writes.map((write) => write.names));
  return [...new Map(names.map((pair) => [`${pair.source} ${pair.target}`, pair])).values()];
}

/** Where a map is kept: by what it was fitted on, and how. */
async function keptPath(pairs: AcrossRequest["pairs"], models: Models): Promise<string> {
  const [source, target] = [await models.source.weightsHash(), await models.target.weightsHash()];
  const facts = { version: FIT_VERSION, source, target, pairs, ...ON_THE_SPOT };
  const key = createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 32);
  const { ownCache } = await readSettings(process.env);
  return join(ownCache, "maps", `${key}.safetensors`);
}

/** Whether a file of the cache, and what belongs to it, can be written. */
async function canKeep(file: string, { context }: AcrossParts): Promise<boolean> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await openOutput(file, context.terminal);
    return true;
  } catch {
    return false;
  }
}

/** A cache: where it cannot be written, the next run fits again. */
async function keep(
  file: string,
  bytes: readonly Uint8Array[],
  { context }: AcrossParts,
): Promise<boolean> {
  try {
    await (await openOutput(file, context.terminal)).write(bytes);
    return true;
  } catch {
    return false;
  }
}

function qualityOf({ pairs, target }: FittedMapping): string {
  const shares = pairs.flatMap(({ scores }) => (scores ? [100 * scores.precision1] : []));
  const [least, most] = [Math.min(...shares), Math.max(...shares)].map((share) => share.toFixed(0));
  const range = least === most ? `${least ?? ""}%` : `${least ?? ""} to ${most ?? ""}%`;
  return `Behind ${range} of mapped states ${target?.name ?? "the model"}'s likeliest next token is its own.`;
}
