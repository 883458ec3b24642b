/**
 * Vectors from a safetensors file: a direction, or hidden states of layers and positions as `patchscopes capture` writes
 * them. Which of them a run uses is the plan's to say; where the bytes lie is the caller's business.
 */
import * as z from "zod";
import { memorySource } from "../models/weights/byte-source.ts";
import { bytesOf, type StoredTensor } from "../models/weights/checkpoint.ts";
import { isStorageType, STORAGE_FORMATS } from "../models/weights/dequantize.ts";
import { readSafetensors, readSafetensorsMetadata } from "../models/weights/safetensors.ts";
import { isSite, type Site } from "../site.ts";
import { vectorsUnreadable } from "./errors.ts";
import type { MappedLayer } from "./fitted-mapping.ts";
import { hashOf } from "./mapping-file.ts";

/** A file is read whole, to be hashed. */
export const MAX_VECTOR_BYTES: number = 2 ** 31 - 1;

/** What a file of vectors holds. */
export interface LoadedVectors {
  /** The file, for messages. */
  readonly file: string;
  readonly tensor: string;
  /** `sha256:…` of the file's bytes, which stands for it in a spec's hash. */
  readonly hash: string;
  /** As the tensor is. */
  readonly shape: readonly number[];
  /** Which layers it holds, where the file says so. */
  readonly layers: readonly MappedLayer[] | undefined;
  /** Where in the block the states were read, where the file says so. */
  readonly site: Site | undefined;
  /** The prompt that they were read from, where the file says so. */
  readonly tokens: readonly number[] | undefined;
  /** Of that shape. */
  readonly data: Float32Array;
}

/**
 * Reads vectors from a file's bytes.
 * @param file what messages call it
 * @param tensor by default the only one with one to three axes, `tokens` and `logits` aside
 * @throws `model-unreadable` for whatever is not such a file
 */
export async function readVectors(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
  tensor?: string,
): Promise<LoadedVectors> {
  const source = memorySource(file, bytes);
  const tensors = await readSafetensors(source);
  const chosen = choose(file, tensors, tensor);
  const { shape } = chosen;
  if (shape.includes(0)) {
    throw vectorsUnreadable(file, `tensor "${chosen.name}" holds no numbers`);
  }
  const metadata = await readSafetensorsMetadata(source);
  const { site = chosen.name } = metadata;
  return {
    file,
    tensor: chosen.name,
    hash: await hashOf(bytes),
    shape,
    layers: layersIn(metadata["layers"]),
    site: isSite(site) ? site : undefined,
    tokens: await tokensIn(tensors),
    data: await numbersOf(chosen),
  };
}

const BESIDE: readonly string[] = ["tokens", "logits"];

function choose(
  file: string,
  tensors: readonly StoredTensor[],
  name: string | undefined,
): StoredTensor {
  const canBe = ({ shape }: StoredTensor): boolean => shape.length >= 1 && shape.length <= 3;
  const names = tensors.map((each) => `"${each.name}"`).join(", ");
  if (name !== undefined) {
    const named = tensors.find((each) => each.name === name);
    if (named === undefined) {
      throw vectorsUnreadable(file, `it has no tensor "${name}"; it has ${names}`);
    }
    if (canBe(named)) return named;
    const shape = `[${named.shape.join(", ")}]`;
    const expected = "[hidden], [layers, hidden] or [layers, positions, hidden]";
    throw vectorsUnreadable(file, `tensor "${name}" should be ${expected} and is ${shape}`);
  }
  const some = tensors.filter((each) => canBe(each) && !BESIDE.includes(each.name));
  const [only] = some;
  if (only === undefined) throw vectorsUnreadable(file, "it holds no vectors");
  if (some.length > 1) {
    throw vectorsUnreadable(file, `it has several tensors (${names}), so one must be named`);
  }
  return only;
}

const layerNames = z.array(z.union([z.int().min(0), z.literal("embedding")]));

function layersIn(text: string | undefined): readonly MappedLayer[] | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed = layerNames.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

async function tokensIn(tensors: readonly StoredTensor[]): Promise<readonly number[] | undefined> {
  const found = tensors.find(({ name }) => name === "tokens");
  if (found?.shape.length !== 1) return undefined;
  const { buffer } = await bytesOf(found);
  if (found.type === "I32") return [...new Int32Array(buffer)];
  return found.type === "I64" ? Array.from(new BigInt64Array(buffer), Number) : undefined;
}

async function numbersOf(tensor: StoredTensor): Promise<Float32Array> {
  const { name, file, type, shape } = tensor;
  const bytes = await bytesOf(tensor);
  const numbers = new Float32Array(shape.reduce((product, axis) => product * axis, 1));
  if (type === "F64") numbers.set(new Float64Array(bytes.buffer));
  else if (isStorageType(type)) STORAGE_FORMATS[type].dequantize(bytes, numbers, 0);
  else throw vectorsUnreadable(file, `tensor "${name}" holds numbers of the type ${type}`);
  if (!numbers.every(Number.isFinite)) {
    throw vectorsUnreadable(file, `tensor "${name}" holds numbers that are not finite`);
  }
  return numbers;
}
