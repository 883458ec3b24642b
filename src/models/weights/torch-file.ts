/** A file that `torch.save` wrote: a zip archive of a pickle and, beside it, the numbers of its tensors. */
import { modelUnreadable } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { sizeOf, tensorAt, type StoredTensor } from "./checkpoint.ts";
import { readPickle, type PickledTensor, type PickleValue } from "./pickle.ts";
import { readZip, type ZipEntry } from "./zip.ts";

/** What a file holds, and where its tensors lie. */
export interface TorchFile {
  readonly value: PickleValue;
  /** @throws `model-unreadable` where the tensor is not stored in one run of numbers, or not at all */
  tensor(name: string, tensor: PickledTensor): StoredTensor;
}

/** Kinds of storage by the type of their numbers, as safetensors spells it, and the bytes of one. */
const TYPES: Readonly<Record<string, readonly [type: string, bytes: number]>> = {
  FloatStorage: ["F32", 4],
  HalfStorage: ["F16", 2],
  BFloat16Storage: ["BF16", 2],
};
const MAX_PICKLE_BYTES = 64 * 2 ** 20;

/** Whether bytes begin as a zip archive does. */
export function isZip(start: Uint8Array): boolean {
  return [0x50, 0x4b, 0x03, 0x04].every((byte, index) => start[index] === byte);
}

/** @throws `model-unreadable` for whatever is damaged, or holds more than tensors and plain values */
export async function readTorchFile(source: ByteSource): Promise<TorchFile> {
  const entries = await readZip(source);
  const [name, pickle] = [...entries].find(([each]) => each.endsWith("/data.pkl")) ?? [];
  if (name === undefined || pickle === undefined || pickle.size > MAX_PICKLE_BYTES) {
    throw modelUnreadable({ file: source.name, problem: "PyTorch did not write it" });
  }
  const folder = name.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && (await textOf(source, order)) !== "little") {
    throw modelUnreadable({ file: source.name, problem: "its numbers begin with the high byte" });
  }
  const bytes = await source.slice(pickle.start, pickle.start + pickle.size);
  return {
    value: readPickle(source.name, bytes),
    tensor: (label, tensor) =>
      storedTensor(source, label, {
        tensor,
        entry: entries.get(`${folder}data/${tensor.storage.key}`),
      }),
  };
}

function storedTensor(
  source: ByteSource,
  name: string,
  { tensor, entry }: { readonly tensor: PickledTensor; readonly entry: ZipEntry | undefined },
): StoredTensor {
  const { storage, offset, shape, strides } = tensor;
  const unreadable = (problem: string): Error =>
    modelUnreadable({ file: source.name, problem: `tensor "${name}" ${problem}` });
  const [type, bytes] = TYPES[storage.type] ?? [];
  if (type === undefined || bytes === undefined) throw unreadable(`is of type ${storage.type}`);
  const size = sizeOf(shape);
  if (size === undefined || !isContiguous(shape, strides)) {
    throw unreadable("is a view of another one: save it with .contiguous()");
  }
  if (entry === undefined || (offset + size) * bytes > entry.size) {
    throw unreadable("is longer than its numbers");
  }
  const facts = { name, type, shape, byteLength: size * bytes };
  return tensorAt(source, entry.start + offset * bytes, facts);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (strides.length !== shape.length) return false;
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const length = shape[i] ?? 0;
    if (length > 1 && strides[i] !== expected) return false;
    expected *= length;
  }
  return true;
}

async function textOf(source: ByteSource, { start, size }: ZipEntry): Promise<string> {
  return new TextDecoder().decode(await source.slice(start, start + Math.min(size, 16)));
}
