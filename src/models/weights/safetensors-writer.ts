/**
 * Writes safetensors as a header and a list of buffers, so that a caller can stream them to a file.
 * Types with larger numbers are laid out first, as the reference does, so that every tensor is aligned.
 */

/** A tensor to write; the type follows from the array. */
export interface OutputTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

const ALIGNMENT = 8; // of the first tensor, so that readers can map the file

/** The bytes of a safetensors file, in order: the header first, then a view of each tensor's data. */
export function writeSafetensors(
  tensors: readonly OutputTensor[],
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header["__metadata__"] = metadata;
  let end = 0;
  const ordered = [...tensors].sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  for (const { name, shape, data } of ordered) {
    const start = end;
    end += data.byteLength;
    header[name] = { dtype: typeOf(data), shape, data_offsets: [start, end] };
  }
  const bodies = ordered.map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return [headerBytes(JSON.stringify(header)), ...bodies];
}

function typeOf(data: OutputTensor["data"]): string {
  if (data instanceof Float32Array) return "F32";
  return data instanceof Int32Array ? "I32" : "I64";
}

function headerBytes(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(8 + length).fill(0x20); // the format pads with spaces
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}
