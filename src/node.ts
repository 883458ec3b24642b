/** The library for Node: everything of `index.ts`, models by name and from the disk, ONNX Runtime for Node. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createOnnxEngine, nodeRuntime, type OnnxOptions } from "./engine/onnx/node.ts";
import { productsAlone, type ProductsAlone } from "./engine/onnx/products-alone.ts";
import type { Precision } from "./engine/engine.ts";
import { mappingUnreadable, vectorsUnreadable } from "./mapping/errors.ts";
import type { PatchscopesError } from "./errors.ts";
import type { LoadedMapping } from "./mapping/fitted-mapping.ts";
import { readAnyMapping } from "./mapping/foreign-mapping.ts";
import { MAX_MAPPING_BYTES } from "./mapping/mapping-file.ts";
import { MAX_VECTOR_BYTES, readVectors, type LoadedVectors } from "./mapping/vector-file.ts";
import { modelStore } from "./models/converted/converted-weights.ts";
import { findModel } from "./models/find.ts";
import type { FindOptions } from "./models/find.ts";
import { loadOpened, type LoadedModel } from "./models/loaded-model.ts";
import type { Model } from "./models/model.ts";
import { openModel } from "./models/open.ts";
import { openFile } from "./models/weights/byte-source-node.ts";

export { createOnnxEngine, type DeviceChoice, type OnnxOptions } from "./engine/onnx/node.ts";
export {
  findModel,
  listModels,
  type CatalogueEntry,
  type FindOptions,
  type ListedModel,
  type ModelFiles,
} from "./models/find.ts";
export type { ProductsAlone } from "./engine/onnx/products-alone.ts";
export { listFamilies, type ListedFamily } from "./models/families/families.ts";
export type { LoadedModel } from "./models/loaded-model.ts";
export type { Model } from "./models/model.ts";
export { openModel } from "./models/open.ts";

export interface LoadOptions
  extends FindOptions, Pick<OnnxOptions, "precision" | "device" | "onNote" | "threads" | "heads"> {
  /** Called when the model's files are here and its weights begin to load. */
  readonly onLoading?: () => void;
}

/**
 * Finds a model by name, downloads it where it is not here yet, and loads it.
 * @example
 * const loaded = await loadModel("smollm2-135m-instruct");
 * const result = await runSpec(parseSpec({ … }), loaded);
 */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const model = await findAndOpenModel(name, options);
  options.onLoading?.();
  return loadOpened(model, async () => {
    const precision = options.precision ?? "float32";
    const weightStore = await modelStore({ ...model, precision }, options.env ?? process.env);
    return createOnnxEngine(model, { ...options, weightStore });
  });
}

/** Finds and opens a model without loading its weights: enough for tokens and plans. */
export async function findAndOpenModel(name: string, options: FindOptions = {}): Promise<Model> {
  return openModel(await findModel(name, options), name);
}

/**
 * Loads a model's matrices and nothing else: how fast passes could be on this machine if they were products only.
 * @throws `engine`
 */
export function loadProducts(
  { model }: Pick<LoadedModel, "model">,
  precision: Precision = "float32",
): Promise<ProductsAlone> {
  return productsAlone(nodeRuntime(), model, precision);
}

/**
 * Reads a fitted mapping from a file: what `runSpec` takes as its option `mappings`. Tuned lenses, Jacobian lenses, SelfIE
 * adapters of other programs and PyTorch's linear layers are read too; a tuned lens by its folder as well.
 * @throws `io`, `model-unreadable`
 */
export async function loadMapping(path: string): Promise<LoadedMapping> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(path, "params.pt") : path;
  const bytes = await wholeFile(file, MAX_MAPPING_BYTES, mappingUnreadable);
  const config = file.endsWith(".pt") ? await configBeside(file) : undefined;
  return readAnyMapping(path, bytes, config);
}

/**
 * Reads vectors from a safetensors file: what `runSpec` takes as its option `vectors`.
 * @param tensor by default the only one that can be vectors
 * @throws `io`, `model-unreadable`
 */
export async function loadVectors(path: string, tensor?: string): Promise<LoadedVectors> {
  const bytes = await wholeFile(path, MAX_VECTOR_BYTES, vectorsUnreadable);
  return readVectors(path, bytes, tensor);
}

async function wholeFile(
  path: string,
  limit: number,
  tooLarge: (path: string, problem: string) => PatchscopesError,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = await openFile(path);
  try {
    if (source.size > limit) {
      throw tooLarge(path, `it has ${source.size} bytes, and ${limit} are read at most`);
    }
    return await source.slice(0, source.size);
  } finally {
    await source.close();
  }
}

/** What `config.json` beside a file holds; nothing where there is none: it only names the model. */
async function configBeside(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(dirname(path), "config.json"), "utf8")) as unknown;
  } catch {
    return undefined;
  }
}
