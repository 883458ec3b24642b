/**
 * Mappings that other programs wrote: tuned lenses (`params.pt` of AlignmentResearch/tuned-lens), Jacobian lenses (`.pt` of
 * jlens), SelfIE adapters (`.safetensors` and `.pt` of selfie-adapters), single linear layers of anybody's. Which model they
 * are for is as good as its name in them; of its weights they say nothing.
 */
import * as z from "zod";
import { memorySource } from "../models/weights/byte-source.ts";
import { bytesOf, type StoredTensor } from "../models/weights/checkpoint.ts";
import { isStorageType, STORAGE_FORMATS } from "../models/weights/dequantize.ts";
import type { PickleMap, PickleValue } from "../models/weights/pickle.ts";
import { readSafetensors, readSafetensorsMetadata } from "../models/weights/safetensors.ts";
import { isZip, readTorchFile, type TorchFile } from "../models/weights/torch-file.ts";
import { mappingUnreadable } from "./errors.ts";
import { adapterMap } from "./adapter-map.ts";
import { UNKNOWN_WEIGHTS, type FittedPair, type LoadedMapping } from "./fitted-mapping.ts";
import { hashOf, isMappingFile, readMapping } from "./mapping-file.ts";
import type { FittedMap } from "./mapping.ts";

const lensConfig = z.object({ base_model_name_or_path: z.string() });

/**
 * Reads a mapping of this program or of one of the others.
 * @param config what `config.json` beside the file holds, where there is one
 * @throws `model-unreadable` for whatever is none of them, or not all of it
 */
export async function readAnyMapping(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
  config?: unknown,
): Promise<LoadedMapping> {
  const source = memorySource(file, bytes);
  if (isZip(bytes)) {
    const mapping = await ofTorch(file, await readTorchFile(source), config);
    return { ...mapping, hash: await hashOf(bytes) };
  }
  const metadata = await readSafetensorsMetadata(source);
  if (isMappingFile(metadata)) return readMapping(file, bytes);
  const named = await readSafetensors(source);
  const isAdapter = "projection_type" in metadata || "config_json" in metadata;
  // What is none of these is refused for what it lacks of a mapping.
  if (!isAdapter && !isLinearLayer(named.map(({ name }) => name))) return readMapping(file, bytes);
  const tensors = new Map<string, Numbers>();
  for (const tensor of named) tensors.set(tensor.name, await numbersOf(file, tensor));
  const mapping = isAdapter
    ? adapter(file, tensors, settingsOf(file, metadata))
    : linearLayer(file, tensors);
  return { ...mapping, hash: await hashOf(bytes) };
}

/** A tensor's numbers in float32. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

type Unhashed = Omit<LoadedMapping, "hash">;

async function ofTorch(file: string, torch: TorchFile, config: unknown): Promise<Unhashed> {
  const { value } = torch;
  if (!(value instanceof Map)) throw mappingUnreadable(file, "it holds no dictionary");
  const top: PickleMap = value;
  const lens = top.get("J");
  if (lens instanceof Map) return jacobianLens(file, await numbersIn(file, torch, lens));
  const state = top.get("projection_state");
  if (state instanceof Map) {
    const settings = plainObject(top.get("config") ?? null) as object | null;
    // A map that only scales has no tensor that says how wide its vectors are.
    const model_dim = plainObject(top.get("model_dim") ?? null) ?? undefined;
    return adapter(file, await numbersIn(file, torch, state), { ...settings, model_dim });
  }
  const tensors = await numbersIn(file, torch, top);
  return isLinearLayer([...tensors.keys()])
    ? linearLayer(file, tensors)
    : tunedLens(file, tensors, config);
}

async function numbersIn(
  file: string,
  torch: TorchFile,
  dictionary: PickleMap,
): Promise<ReadonlyMap<string, Numbers>> {
  const found = new Map<string, Numbers>();
  for (const [key, value] of dictionary) {
    if (typeof value !== "object" || value === null || !("kind" in value)) continue;
    found.set(String(key), await numbersOf(file, torch.tensor(String(key), value)));
  }
  return found;
}

async function numbersOf(file: string, tensor: StoredTensor): Promise<Numbers> {
  const { type, shape, name } = tensor;
  if (!isStorageType(type)) throw mappingUnreadable(file, `tensor "${name}" is of type ${type}`);
  const data = new Float32Array(shape.reduce((size, length) => size * length, 1));
  STORAGE_FORMATS[type].dequantize(await bytesOf(tensor), data, 0);
  if (data.every(Number.isFinite)) return { shape, data };
  throw mappingUnreadable(file, `tensor "${name}" holds numbers that are not finite`);
}

const TRANSLATOR = /^(?:layer_translators\.)?(\d{1,4})\.(weight|bias)$/u;

/** What translator i adds to `hidden_states[i]`, which is the embedding for 0, on the way to the last layer. */
function tunedLens(file: string, tensors: ReadonlyMap<string, Numbers>, config: unknown): Unhashed {
  const weights = new Map<number, { weight?: Numbers; bias?: Numbers }>();
  for (const [name, numbers] of tensors) {
    const [, index, part] = TRANSLATOR.exec(name) ?? [];
    if (part !== "weight" && part !== "bias") {
      throw mappingUnreadable(file, `it is no lens that is known: it has a tensor "${name}"`);
    }
    weights.set(Number(index), { ...weights.get(Number(index)), [part]: numbers });
  }
  const layers = weights.size;
  const pairs = [...weights].map(([index, { weight, bias }]): FittedPair => {
    const { data, width } = squareOf(file, `${index}.weight`, weight);
    // The state itself is added to what a translator says.
    for (let i = 0; i < width; i++) data[i * width + i] = (data[i * width + i] ?? 0) + 1;
    const added = bias?.data ?? new Float32Array(width);
    if (added.length !== width || index >= layers) {
      throw mappingUnreadable(file, `its translator ${index} does not belong to the others`);
    }
    const source = index === 0 ? "embedding" : index - 1;
    return { source, target: layers - 1, map: { kind: "affine", weight: data, bias: added } };
  });
  const name = lensConfig.safeParse(config).data?.base_model_name_or_path;
  return foreign(file, { program: "tuned-lens", name, layers, pairs });
}

/** Mean Jacobians from the output of a block to that of the last one. */
function jacobianLens(file: string, tensors: ReadonlyMap<string, Numbers>): Unhashed {
  const pairs = [...tensors].map(([name, numbers]): FittedPair => {
    const layer = Number(name);
    if (!/^\d{1,4}$/u.test(name)) throw mappingUnreadable(file, `it has a layer "${name}"`);
    const { data, width } = squareOf(file, `J[${name}]`, numbers);
    const map: FittedMap = { kind: "affine", weight: data, bias: new Float32Array(width) };
    // The file does not say how many layers there are: the run does.
    return { source: layer, target: layer + 1, map };
  });
  const layers = Math.max(0, ...pairs.map(({ target }) => Number(target))) + 1;
  const lens = foreign(file, { program: "Jacobian lens", name: undefined, layers, pairs });
  return { ...lens, foreign: { program: "Jacobian lens", toLast: true } };
}

/** One map from any layer to the embedding. */
function adapter(file: string, tensors: ReadonlyMap<string, Numbers>, settings: unknown): Unhashed {
  const { map, isOfUnit, name } = adapterMap(file, tensors, settings);
  const pairs = [{ source: "embedding", target: "embedding", map }] as const;
  const mapping = foreign(file, { program: "SelfIE adapter", name, layers: 1, pairs });
  return { ...mapping, anySource: true, foreign: { program: "SelfIE adapter", isOfUnit } };
}

// Of a layer by itself, or under the name that it has in a module; a number before it is a tuned lens' translator.
const LINEAR = /^(?:(?:\w+\.)*[a-z_]\w*\.)?(weight|bias)$/iu;

function isLinearLayer(names: readonly string[]): boolean {
  const parts = names.map((name) => LINEAR.exec(name)?.[1]);
  return (
    (parts.length === 1 || parts.includes("bias")) && parts.length < 3 && parts.includes("weight")
  );
}

/** PyTorch's `nn.Linear`: from vectors of any kind to any layer, as a map from an image encoder's is trained. */
function linearLayer(file: string, tensors: ReadonlyMap<string, Numbers>): Unhashed {
  const partOf = (part: string): Numbers | undefined =>
    [...tensors].find(([name]) => LINEAR.exec(name)?.[1] === part)?.[1];
  const weight = partOf("weight");
  const [out = 0, width = 0, more] = weight?.shape ?? [];
  if (weight === undefined || width === 0 || more !== undefined) {
    const shape = weight?.shape.join(", ") ?? "";
    throw mappingUnreadable(file, `its weight should be [out, in] and is [${shape}]`);
  }
  const bias = partOf("bias")?.data ?? new Float32Array(out);
  if (bias.length !== out) {
    throw mappingUnreadable(file, `its bias should be [${out}] and is [${bias.length}]`);
  }
  const of = { name: "not named", weights: UNKNOWN_WEIGHTS, layers: 1 };
  const map: FittedMap = { kind: "affine", weight: weight.data, bias };
  return {
    ...{ file, kind: "affine", site: "resid_post", anySource: true },
    model: { ...of, hiddenSize: width },
    target: { ...of, hiddenSize: out },
    pairs: [{ source: "embedding", target: "embedding", map }],
    foreign: { program: "linear layer", anyTarget: true },
  };
}

function foreign(
  file: string,
  parts: {
    readonly program: string;
    readonly name: string | undefined;
    readonly layers: number;
    readonly pairs: readonly FittedPair[];
  },
): Unhashed {
  const { program, name = "not named", layers, pairs } = parts;
  const [first] = pairs;
  if (first === undefined) throw mappingUnreadable(file, "it holds no map");
  const hiddenSize = first.map.bias.length;
  if (pairs.some(({ map }) => map.bias.length !== hiddenSize)) {
    throw mappingUnreadable(file, "its maps are for vectors of different widths");
  }
  const model = { name, weights: UNKNOWN_WEIGHTS, layers, hiddenSize };
  return { file, kind: first.map.kind, model, site: "resid_post", pairs, foreign: { program } };
}

function squareOf(
  file: string,
  name: string,
  numbers: Numbers | undefined,
): { readonly data: Float32Array; readonly width: number } {
  const [rows, columns, more] = numbers?.shape ?? [];
  if (numbers === undefined || rows === undefined || rows !== columns || more !== undefined) {
    const shape = numbers === undefined ? "is missing" : `is [${numbers.shape.join(", ")}]`;
    throw mappingUnreadable(file, `tensor "${name}" should be a square matrix and ${shape}`);
  }
  return { data: numbers.data, width: rows };
}

/** The settings of an adapter in a safetensors header: JSON, or one text each. */
function settingsOf(file: string, metadata: Readonly<Record<string, string>>): unknown {
  const { config_json: json } = metadata;
  if (json === undefined) {
    const { projection_type: type, normalize_input: normalize = "true" } = metadata;
    const isNormalized = normalize.toLowerCase() === "true";
    return {
      projection: { type, normalize_input: isNormalized },
      model_dim: metadata["model_dim"],
    };
  }
  try {
    const settings: unknown = JSON.parse(json);
    return { ...(settings as object), model_dim: metadata["model_dim"] };
  } catch {
    throw mappingUnreadable(file, "the settings in its header are no JSON");
  }
}

/** Dictionaries as objects, without tensors. */
function plainObject(value: PickleValue): unknown {
  if (!(value instanceof Map)) return value;
  const dictionary: PickleMap = value;
  return Object.fromEntries(
    [...dictionary].map(([key, each]) => [String(key), plainObject(each)] as const),
  );
}
