/** Writes small GGUF files for tests: version 3, little endian, alignment 32. Nothing is checked, so broken files can be made too. */
import type { StorageType } from "../../engine/architecture.ts";
import { GGML_TYPES } from "./gguf-types.ts";

/** A value with its type in the file. */
export type WrittenValue =
  | { readonly kind: "uint32" | "int32" | "float32" | "uint64"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "int32s"; readonly value: readonly number[] };

export interface WrittenTensor {
  readonly name: string;
  /** A name of {@link GGML_TYPES}, or a number that is in no table. */
  readonly type: StorageType | "IQ2_XS" | number;
  /** Outermost first. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const ALIGNMENT = 32;

/** The bytes of a GGUF file. */
export function writeGguf(
  metadata: Readonly<Record<string, WrittenValue>>,
  tensors: readonly WrittenTensor[],
): Uint8Array {
  const out = new ByteList();
  out.raw(new TextEncoder().encode("GGUF"));
  out.uint32(3);
  out.uint64(tensors.length);
  out.uint64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    out.string(key);
    writeValue(out, value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    out.string(tensor.name);
    out.uint32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) out.uint64(size);
    out.uint32(typeNumber(tensor.type));
    out.uint64(offset);
    offset += Math.ceil(tensor.bytes.length / ALIGNMENT) * ALIGNMENT;
  }
  for (const tensor of tensors) {
    out.pad(ALIGNMENT);
    out.raw(tensor.bytes);
  }
  return out.toBytes();
}

/** The stored bytes of numbers as F32. */
export function f32Bytes(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(numbers).buffer);
}

function typeNumber(type: WrittenTensor["type"]): number {
  if (typeof type === "number") return type;
  for (const [id, facts] of GGML_TYPES) if (facts.name === type) return id;
  throw new Error(`no number type ${type}`);
}

function writeValue(out: ByteList, value: WrittenValue): void {
  switch (value.kind) {
    case "uint32":
      out.uint32(4);
      out.uint32(value.value);
      break;
    case "int32":
      out.uint32(5);
      out.uint32(value.value >>> 0);
      break;
    case "float32":
      out.uint32(6);
      out.raw(f32Bytes([value.value]));
      break;
    case "bool":
      out.uint32(7);
      out.raw(Uint8Array.of(value.value ? 1 : 0));
      break;
    case "string":
      out.uint32(8);
      out.string(value.value);
      break;
    case "uint64":
      out.uint32(10);
      out.uint64(value.value);
      break;
    case "strings":
      out.uint32(9);
      out.uint32(8);
      out.uint64(value.value.length);
      value.value.forEach((one) => out.string(one));
      break;
    case "int32s":
      out.uint32(9);
      out.uint32(5);
      out.uint64(value.value.length);
      out.raw(new Uint8Array(Int32Array.from(value.value).buffer));
      break;
  }
}

class ByteList {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  raw(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  uint32(value: number): void {
    this.raw(new Uint8Array(Uint32Array.of(value).buffer));
  }

  uint64(value: number): void {
    this.raw(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.uint64(bytes.length);
    this.raw(bytes);
  }

  pad(alignment: number): void {
    this.raw(new Uint8Array((alignment - (this.#length % alignment)) % alignment));
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }
}
