/**
 * The largest sizes that are believed, far above any real model: what an engine allocates by is bounded even
 * where no tensor's shape confirms it.
 */
import { z } from "zod";

import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";

export const LIMITS: Readonly<Record<Size, number>> = {
  layers: 4096,
  hiddenSize: 2 ** 20,
  heads: 2 ** 16,
  headSize: 2 ** 16,
  intermediateSize: 2 ** 24,
  vocabSize: 2 ** 24,
  maxPositions: 2 ** 27,
};

type Size =
  | "layers"
  | "hiddenSize"
  | "heads"
  | "headSize"
  | "intermediateSize"
  | "vocabSize"
  | "maxPositions";

/** A size in a JSON configuration. */
export function sizeUpTo(limit: number): z.ZodNumber {
  return z.number().int().positive().max(limit);
}

/** A size in GGUF metadata; `undefined` where the key is missing and no default is given. */
export function ggufSize(metadata: GgufMetadata, key: string, limit: number): number | undefined {
  const values = metadata.numbers(key);
  const size = values?.[0];
  if (values === undefined || size === undefined) return undefined;
  for (let i = 1; i < values.length; i++) {
    if (values[i] !== size) {
      throw modelUnsupported({ file: metadata.file, missing: `"${key}" differs between layers` });
    }
  }
  if (Number.isInteger(size) && size > 0 && size <= limit) return size;
  const problem = `"${key}" is ${size}, not a whole number from 1 to ${limit}`;
  throw modelUnreadable({ file: metadata.file, problem });
}

/** The same for a key that must be there. */
export function requiredGgufSize(metadata: GgufMetadata, key: string, limit: number): number {
  const size = ggufSize(metadata, key, limit);
  if (size !== undefined) return size;
  throw modelUnreadable({ file: metadata.file, problem: `"${key}" is missing from its metadata` });
}
