/** The older field names of GPT-2 and GPT-J, brought to those that other families use. */
import { z } from "zod";

import { checkJson } from "../weights/json-file.ts";
import { LIMITS, sizeUpTo } from "./limits.ts";

const gptSchema = z.looseObject({
  n_embd: sizeUpTo(LIMITS.hiddenSize),
  n_layer: sizeUpTo(LIMITS.layers),
  n_head: sizeUpTo(LIMITS.heads),
  n_positions: sizeUpTo(LIMITS.maxPositions),
  n_inner: sizeUpTo(LIMITS.intermediateSize).nullish(),
  activation_function: z.string().default("gelu_new"),
  layer_norm_epsilon: z.number().nonnegative().max(1).default(1e-5),
});

/** The same configuration with the usual names; all other fields stay. */
export function renameGptFields(json: unknown, file: string): Readonly<Record<string, unknown>> {
  const config = checkJson(json, gptSchema, file);
  return {
    ...config,
    hidden_size: config.n_embd,
    num_hidden_layers: config.n_layer,
    num_attention_heads: config.n_head,
    max_position_embeddings: config.n_positions,
    intermediate_size: config.n_inner ?? 4 * config.n_embd,
    hidden_act: config.activation_function,
    layer_norm_eps: config.layer_norm_epsilon,
  };
}
