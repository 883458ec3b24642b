/** Which layers of a configuration look back through a window, and how far. */
import { z } from "zod";

import { modelUnsupported } from "../errors.ts";
import { checkJson } from "../weights/json-file.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import type { WindowFacts } from "./facts.ts";
import type { RopeSettings } from "./rope-config.ts";
import { ggufSize, LIMITS, sizeUpTo } from "./limits.ts";

const windowSchema = z.object({
  sliding_window: sizeUpTo(LIMITS.maxPositions).nullish(),
  layer_types: z.array(z.string()).max(LIMITS.layers).nullish(),
});

/** The window of a model, where any layer has one. */
export function windowOfConfig(
  json: unknown,
  file: string,
  given: {
    readonly layers: number;
    /** The size where the file does not say. */
    readonly size?: number;
    /** Whether a layer has the window, where the file does not list the layers' types. */
    readonly isWindowed: (layer: number) => boolean;
  },
): WindowFacts | undefined {
  const config = checkJson(json, windowSchema, file);
  const size =
    config.sliding_window === undefined ? given.size : (config.sliding_window ?? undefined);
  const types = config.layer_types ?? undefined;
  for (const type of types ?? []) {
    if (type === "full_attention" || type === "sliding_attention") continue;
    throw modelUnsupported({ file, missing: `a layer's type is "${type}"` });
  }
  const layers = Array.from({ length: given.layers }, (_, layer) => layer).filter((layer) =>
    types === undefined ? given.isWindowed(layer) : types[layer] === "sliding_attention",
  );
  return size === undefined || layers.length === 0 ? undefined : { size, layers: new Set(layers) };
}

/** The window of a GGUF file, where any layer has one; the pattern is the family's. */
export function ggufWindow(
  metadata: GgufMetadata,
  given: {
    readonly key: string;
    readonly layers: number;
    readonly size?: number;
    readonly isWindowed: (layer: number) => boolean;
    readonly rope?: RopeSettings;
  },
): WindowFacts | undefined {
  const size = ggufSize(metadata, given.key, LIMITS.maxPositions) ?? given.size;
  const layers = Array.from({ length: given.layers }, (_, layer) => layer).filter(given.isWindowed);
  if (size === undefined || layers.length === 0) return undefined;
  return { size, layers: new Set(layers), rope: given.rope };
}
