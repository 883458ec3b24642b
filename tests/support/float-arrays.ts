/**
 * The float32 arrays of a golden.safetensors file: 8 bytes of header size, a JSON header, the numbers.
 * On purpose not the project's own reader, which the goldens test.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";

export interface FloatArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.literal("F32"),
    shape: z.array(z.number().int()),
    data_offsets: z.tuple([z.number().int(), z.number().int()]),
  }),
);

/** Reads all arrays of a file by name. */
export function readFloatArrays(path: string): ReadonlyMap<string, FloatArray> {
  const file = readFileSync(path);
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  const header: unknown = JSON.parse(file.toString("utf8", 8, dataStart), (key, value: unknown) =>
    key === "__metadata__" ? undefined : value,
  );
  return new Map(
    Object.entries(headerSchema.parse(header)).map(([name, entry]) => {
      const [start, end] = entry.data_offsets;
      const bytes = Uint8Array.from(file.subarray(dataStart + start, dataStart + end));
      return [name, { shape: entry.shape, data: new Float32Array(bytes.buffer) }];
    }),
  );
}
