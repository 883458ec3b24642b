/** Vectors that come from files instead of a prompt: which layers and positions there are, and what they stand for. */
import type { SpecIssue } from "../errors.ts";
import type { Site } from "../site.ts";
import type {
  LayerName,
  LayerRef,
  LayersTogether,
  PatchscopeSpec,
  Prompt,
  VectorFile,
} from "../spec/spec.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import { encodePrompt, pieceOf } from "./encode-prompt.ts";
import {
  layerNotInFile,
  layersOfFile,
  siteOfFile,
  vectorsNotRead,
  vectorWidth,
} from "./errors/vectors.ts";
import { resolveLayers } from "./resolve.ts";
import { writtenBy } from "./texts.ts";

/** What a plan needs to know of a file: a part of the `LoadedVectors` of `mapping/`. */
export interface VectorShape {
  readonly hiddenSize: number;
  readonly layerCount: number | undefined;
  readonly layers: readonly LayerName[] | undefined;
  readonly positions: number | undefined;
  readonly site: Site | undefined;
  readonly tokens: readonly number[] | undefined;
}

/** Files that were read, by {@link vectorKey}. */
export type VectorFiles<Shape extends VectorShape = VectorShape> = ReadonlyMap<string, Shape>;

/** What a file and its tensor are found by. */
export function vectorKey({ file, tensor }: VectorFile): string {
  return JSON.stringify([file, tensor ?? null]);
}

/** The files that a spec names. */
export function vectorFilesOf({
  source,
  sources,
  interventions,
}: PatchscopeSpec): readonly VectorFile[] {
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

/** A source as its tokens stand in a plan; a file has those that it says, or none. */
export function encodeSource(
  source: Prompt | VectorFile,
  model: PlanModel,
  { path, issues, files }: At & { readonly files: VectorFiles | undefined },
): { readonly prompt: EncodedPrompt; readonly shape: VectorShape | undefined } {
  if (!("file" in source)) {
    return { prompt: encodePrompt(source, model, { path, issues }), shape: undefined };
  }
  const shape = files?.get(vectorKey(source));
  if (shape === undefined) {
    issues.push(vectorsNotRead(source.file, [...path, "file"]));
    return { prompt: { tokens: [], pieces: [], written: undefined }, shape };
  }
  const { hiddenSize, vocabSize } = model.architecture;
  if (shape.hiddenSize !== hiddenSize) {
    issues.push(
      vectorWidth({
        file: source.file,
        got: shape.hiddenSize,
        hiddenSize,
        path: [...path, "file"],
      }),
    );
  }
  const tokens = (shape.tokens ?? []).some((token) => token < 0 || token >= vocabSize)
    ? []
    : (shape.tokens ?? []);
  const pieces = tokens.map((token) => pieceOf(token, model.tokenizer));
  const written = tokens.length > 0 ? writtenBy(pieces) : undefined;
  return { prompt: { tokens, pieces, written, count: shape.positions ?? 1 }, shape };
}

/** Where the states of a source stand in their blocks: a file may say so itself. */
export function sourceSite(
  spec: PatchscopeSpec,
  shape: VectorShape | undefined,
  issues: SpecIssue[],
): Site {
  const { site } = spec.source;
  if (shape?.site === undefined) return site;
  if (site !== "resid_post" && site !== shape.site) issues.push(siteOfFile(site, shape.site));
  return shape.site;
}

/** The layers of a file; all blocks of the model where an axis is as long and the file says no more. */
export function fileLayers(
  shape: VectorShape,
  model: PlanModel,
  { path, issues }: At,
): readonly LayerName[] {
  if (shape.layers !== undefined) return shape.layers;
  const { layers } = model.architecture;
  if (shape.layerCount !== layers) issues.push(layersOfFile(shape.layerCount ?? 0, layers, path));
  return Array.from({ length: layers }, (_, layer) => layer);
}

/** The source's layers; undefined where a file has one vector and the spec does not say of which layer it is. */
export function sourceLayers(
  ref: LayerRef | LayersTogether,
  shape: VectorShape | undefined,
  { model, path, issues }: At & { readonly model: PlanModel },
): readonly LayerName[] | undefined {
  if (shape === undefined) return resolveLayers(ref, { model, path, issues });
  if (shape.layerCount === undefined) {
    return ref === "all" ? undefined : resolveLayers(ref, { model, path, issues });
  }
  const there = fileLayers(shape, model, { path, issues });
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
