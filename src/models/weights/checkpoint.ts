/** What every file format becomes: named tensors whose bytes are still in the file. */
import type { ByteSource } from "./byte-source.ts";

/** One tensor as the file declares it: a run of bytes that lies in the file, long enough for its shape. */
export interface StoredTensor {
  readonly name: string;
  /** The file it is in, for messages. */
  readonly file: string;
  /** How its numbers are stored, as GGUF and safetensors spell it; it need not be a type that can be read. */
  readonly type: string;
  /** Outermost first: `[outputs, inputs]`. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Fills `into` with the tensor's bytes from `start` on. */
  read(start: number, into: Uint8Array): Promise<void>;
}

/** The tensors of one model, by their names in the file or files. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  close(): Promise<void>;
}

/** A tensor of `byteLength` bytes at `start` of a source. */
export function tensorAt(
  source: ByteSource,
  start: number,
  facts: Omit<StoredTensor, "file" | "read">,
): StoredTensor {
  return {
    ...facts,
    file: source.name,
    read: (from, into) => source.read(start + from, into),
  };
}

/** All bytes of a tensor, in a buffer of their own. */
export async function bytesOf(tensor: StoredTensor): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(tensor.byteLength);
  await tensor.read(0, bytes);
  return bytes;
}

/** How many numbers a shape holds; `undefined` where that is more than can be counted exactly. */
export function sizeOf(shape: readonly number[]): number | undefined {
  let size = 1;
  for (const length of shape) {
    size *= length;
    if (!Number.isSafeInteger(size)) return undefined;
  }
  return size;
}
