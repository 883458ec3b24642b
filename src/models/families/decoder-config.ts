/**
 * The fields that config.json has in (nearly) every family, read once: sizes, norm epsilon, activation, rope, tying.
 * What a family has besides, it reads itself and adds to these facts.
 */
import { z } from "zod";

import { modelUnsupported } from "../errors.ts";
import { checkJson } from "../weights/json-file.ts";
import { activationOf } from "./activations.ts";
import type { Facts } from "./facts.ts";
import type { TensorNames } from "./family.ts";
import { LIMITS, sizeUpTo } from "./limits.ts";
import { ropeConfig, ropeOfConfig, type RopeDefaults, type RopeSettings } from "./rope-config.ts";

/** Where a config.json comes from and what stands beside it. */
export interface ConfigFile {
  readonly json: unknown;
  readonly file: string;
  readonly tensors: TensorNames;
}

/** What the family's configuration class in transformers says of fields that a file leaves out. */
export interface ConfigDefaults {
  readonly maxPositions: number;
  readonly epsilon: number;
  readonly activation: string;
  readonly isTied?: boolean;
  /** As many as heads where left out. */
  readonly kvHeads?: number;
  /** The hidden size by heads where left out. */
  readonly headSize?: number;
  readonly rope?: RopeDefaults;
}

/** The facts that all families have; the epsilon is still without its norm. */
export interface CommonFacts extends Omit<
  Facts,
  "family" | "norm" | "rope" | "attentionScale" | "embeddingScale"
> {
  readonly epsilon: number;
  readonly rope: RopeSettings;
}

/** Reads the common fields; `head` is the name of the output matrix. */
export function readDecoderConfig(
  { json, file, tensors }: ConfigFile,
  defaults: ConfigDefaults,
  head: string,
): CommonFacts {
  const config = checkJson(json, configSchema, file);
  if (config.quantization_config !== undefined && config.quantization_config !== null) {
    throw modelUnsupported({
      file,
      missing: "its weights are quantised (quantization_config)",
      hint: "Take the unquantised model, or a GGUF file of it.",
    });
  }
  const maxPositions = config.max_position_embeddings ?? defaults.maxPositions;
  const activation = config.hidden_activation ?? config.hidden_act ?? defaults.activation;
  const isTied = config.tie_word_embeddings ?? defaults.isTied ?? false;
  const rope = checkJson(json, ropeConfig, file);
  return {
    file,
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    heads: config.num_attention_heads,
    kvHeads: orDefault(config.num_key_value_heads, defaults.kvHeads),
    headSize: orDefault(config.head_dim, defaults.headSize),
    intermediateSize: config.intermediate_size,
    vocabSize: config.vocab_size,
    maxPositions,
    epsilon: config.rms_norm_eps ?? config.layer_norm_eps ?? defaults.epsilon,
    activation: activationOf(activation, file),
    rope: ropeOfConfig(rope, { defaults: defaults.rope ?? {}, maxPositions, file }),
    // As transformers does: a head of its own is used even where the configuration says "tied".
    tiedHead: isTied && !tensors.has(head),
  };
}

/** A field that is null is as one without a default. */
function orDefault(
  written: number | null | undefined,
  fallback: number | undefined,
): number | undefined {
  return written === undefined ? fallback : (written ?? undefined);
}

const epsilon = z.number().nonnegative().max(1).nullish();
const configSchema = z.object({
  vocab_size: sizeUpTo(LIMITS.vocabSize),
  hidden_size: sizeUpTo(LIMITS.hiddenSize),
  intermediate_size: sizeUpTo(LIMITS.intermediateSize),
  num_hidden_layers: sizeUpTo(LIMITS.layers),
  num_attention_heads: sizeUpTo(LIMITS.heads),
  num_key_value_heads: sizeUpTo(LIMITS.heads).nullish(),
  head_dim: sizeUpTo(LIMITS.headSize).nullish(),
  max_position_embeddings: sizeUpTo(LIMITS.maxPositions).nullish(),
  rms_norm_eps: epsilon,
  layer_norm_eps: epsilon,
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  quantization_config: z.unknown().optional(),
});
