/** Vectors that come from files instead of a prompt: which layers and positions there are, and what they stand for. */
import type { SpecIssue } from "../errors.ts";
import type { Site } from "../site.ts";
import type {
  LayerName,
  LayerRef,
  LayersTogether,
  PatchscopeSpec,
  Prompt,
  TensorFile,
  VectorFile,
} from "../spec/spec.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import { encodePrompt, pieceOf } from "./encode-prompt.ts";
import {
  itemNotInFile,
  layerNotInFile,
  layersOfFile,
  siteOfFile,
  vectorsNotRead,
} from "./errors/vectors.ts";
import { resolveLayers } from "./resolve.ts";
import { writtenBy } from "./texts.ts";

/** What a plan needs to know of a file: a part of the `LoadedVectors` of `mapping/`. */
export interface VectorShape {
  /** Of the tensor. */
  readonly shape: readonly number[];
  readonly layers: readonly LayerName[] | undefined;
  readonly site: Site | undefined;
  readonly tokens: readonly number[] | undefined;
}

/** Files that were read, by {@link vectorKey}. */
export type VectorFiles<Shape extends VectorShape = VectorShape> = ReadonlyMap<string, Shape>;

/** What the axes of a file's tensor are, from the first to the last; those that are not there are undefined. */
export interface PlannedVectors extends VectorFile {
  readonly items: number | undefined;
  readonly layerCount: number | undefined;
  readonly positions: number | undefined;
  /** Numbers of a vector. */
  readonly width: number;
  /** Which layers these are, where the file says so. */
  readonly layers: readonly LayerName[] | undefined;
  /** Where in the block they were read, where the file says so. */
  readonly site: Site | undefined;
}

/** What a file and its tensor are found by. */
export function vectorKey({ file, tensor }: TensorFile): string {
  return JSON.stringify([file, tensor ?? null]);
}

/** The files that a spec names. */
export function vectorFilesOf({
  source,
  sources,
  interventions,
}: PatchscopeSpec): readonly TensorFile[] {
  return [source, ...Object.values(sources), ...interventions].flatMap((each) =>
    "file" in each
      ? [{ file: each.file, ...(each.tensor === undefined ? {} : { tensor: each.tensor }) }]
      : [],
  );
}

interface At {
  readonly path: SpecIssue["path"];
  readonly issues: SpecIssue[];
}

/**
 * A source as its tokens stand in a plan; a file has those that it says, or none. That its vectors are as wide as the
 * model's states, or a mapping makes them so, is for `vector-widths.ts`.
 */
export function encodeSource(
  source: Prompt | VectorFile,
  model: PlanModel,
  { path, issues, files }: At & { readonly files: VectorFiles | undefined },
): { readonly prompt: EncodedPrompt; readonly vectors: PlannedVectors | undefined } {
  if (!("file" in source)) {
    return { prompt: encodePrompt(source, model, { path, issues }), vectors: undefined };
  }
  const shape = files?.get(vectorKey(source));
  if (shape === undefined) {
    issues.push(vectorsNotRead(source.file, [...path, "file"]));
    return { prompt: { tokens: [], pieces: [], written: undefined }, vectors: undefined };
  }
  const { hiddenSize, vocabSize } = model.architecture;
  const vectors = axesOf(source, shape, { hiddenSize, at: { path: [...path, "item"], issues } });
  const { positions = 1 } = vectors;
  const { tokens: said = [] } = shape;
  const isText =
    said.length === vectors.positions && said.every((token) => token >= 0 && token < vocabSize);
  const tokens = isText ? said : [];
  const pieces = tokens.map((token) => pieceOf(token, model.tokenizer));
  const written = tokens.length > 0 ? writtenBy(pieces) : undefined;
  return { prompt: { tokens, pieces, written, count: positions }, vectors };
}

/**
 * An item leaves one axis less. Of two axes the first is that of layers where the file names as many, or the vectors are
 * as wide as the model's states; another network's layers are not this one's.
 */
function axesOf(
  { file, tensor, item }: VectorFile,
  { shape, layers, site }: VectorShape,
  { hiddenSize, at }: { readonly hiddenSize: number; readonly at: At },
): PlannedVectors {
  const [width = 0] = shape.slice(-1);
  const isThere = item === undefined || (shape.length > 1 && item < (shape[0] ?? 0));
  if (!isThere) at.issues.push(itemNotInFile(item, shape, at.path));
  const axes = shape.slice(item === undefined || !isThere ? 0 : 1, -1);
  const [first, second] = axes;
  const isOfModel = item === undefined && width === hiddenSize;
  const isNamed = layers !== undefined && first === layers.length;
  const hasLayers = axes.length > 1 || isNamed || isOfModel;
  const layerCount = hasLayers ? first : undefined;
  return {
    ...{ file, ...(tensor !== undefined && { tensor }), ...(item !== undefined && { item }) },
    items: item === undefined ? undefined : shape[0],
    layerCount,
    positions: hasLayers ? second : first,
    width,
    layers: isNamed ? layers : undefined,
    site,
  };
}

/** Where the states of a source stand in their blocks: a file may say so itself. */
export function sourceSite(
  spec: PatchscopeSpec,
  vectors: PlannedVectors | undefined,
  issues: SpecIssue[],
): Site {
  const { site } = spec.source;
  if (vectors?.site === undefined) return site;
  if (site !== "resid_post" && site !== vectors.site) issues.push(siteOfFile(site, vectors.site));
  return vectors.site;
}

/** The layers of a file; all blocks of the model where an axis is as long and the file says no more. */
export function fileLayers(
  vectors: PlannedVectors,
  model: PlanModel,
  { path, issues }: At,
): readonly LayerName[] {
  if (vectors.layers !== undefined) return vectors.layers;
  const { layers } = model.architecture;
  const { layerCount = 0 } = vectors;
  if (layerCount !== layers) issues.push(layersOfFile(layerCount, layers, path));
  return Array.from({ length: layers }, (_, layer) => layer);
}

/** The source's layers; undefined where a file has one vector and the spec does not say of which layer it is. */
export function sourceLayers(
  ref: LayerRef | LayersTogether,
  vectors: PlannedVectors | undefined,
  { model, path, issues }: At & { readonly model: PlanModel },
): readonly LayerName[] | undefined {
  if (vectors === undefined) return resolveLayers(ref, { model, path, issues });
  if (vectors.layerCount === undefined) {
    return ref === "all" ? undefined : resolveLayers(ref, { model, path, issues });
  }
  const there = fileLayers(vectors, model, { path, issues });
  if (ref === "all") {
    const blocks = there.filter((layer) => layer !== "embedding");
    return blocks.length === 0 ? there : blocks;
  }
  const layers = resolveLayers(ref, { model, path, issues });
  checkInFile(layers, there, { path, issues });
  return layers;
}

/** Adds an issue for a layer that a file has not. */
export function checkInFile(
  layers: readonly LayerName[],
  there: readonly LayerName[],
  { path, issues }: At,
): void {
  const absent = layers.find((layer) => !there.includes(layer));
  if (absent !== undefined) issues.push(layerNotInFile(absent, there, path));
}
