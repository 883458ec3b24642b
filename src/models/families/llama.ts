/**
 * Llama: RMS norms before attention and MLP, grouped keys and values, rotary positions, SwiGLU. Many models of
 * other names are llamas too, SmolLM2 among them.
 */
import { z } from "zod";

import type { Architecture } from "../../engine/architecture.ts";
import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import { checkJson } from "../weights/json-file.ts";
import type { Family, TensorNames, WeightNames } from "./family.ts";
import { ggufSize, LIMITS, requiredGgufSize, sizeUpTo } from "./limits.ts";
import { ropeFields, ropeOfConfig, ropeOfGguf, type RopeSettings } from "./rope-config.ts";
import { makeRope } from "./rope.ts";

const HUGGING_FACE_NAMES: WeightNames = {
  embedding: "model.embed_tokens.weight",
  finalNorm: "model.norm.weight",
  head: "lm_head.weight",
  layerPrefix: (layer) => `model.layers.${layer}.`,
  layer: {
    attnNorm: "input_layernorm.weight",
    q: "self_attn.q_proj.weight",
    k: "self_attn.k_proj.weight",
    v: "self_attn.v_proj.weight",
    o: "self_attn.o_proj.weight",
    qBias: "self_attn.q_proj.bias",
    kBias: "self_attn.k_proj.bias",
    vBias: "self_attn.v_proj.bias",
    oBias: "self_attn.o_proj.bias",
    mlpNorm: "post_attention_layernorm.weight",
    gate: "mlp.gate_proj.weight",
    up: "mlp.up_proj.weight",
    down: "mlp.down_proj.weight",
    gateBias: "mlp.gate_proj.bias",
    upBias: "mlp.up_proj.bias",
    downBias: "mlp.down_proj.bias",
  },
};

const GGUF_NAMES: WeightNames = {
  embedding: "token_embd.weight",
  finalNorm: "output_norm.weight",
  head: "output.weight",
  layerPrefix: (layer) => `blk.${layer}.`,
  layer: {
    attnNorm: "attn_norm.weight",
    q: "attn_q.weight",
    k: "attn_k.weight",
    v: "attn_v.weight",
    o: "attn_output.weight",
    qBias: "attn_q.bias",
    kBias: "attn_k.bias",
    vBias: "attn_v.bias",
    oBias: "attn_output.bias",
    mlpNorm: "ffn_norm.weight",
    gate: "ffn_gate.weight",
    up: "ffn_up.weight",
    down: "ffn_down.weight",
    gateBias: "ffn_gate.bias",
    upBias: "ffn_up.bias",
    downBias: "ffn_down.bias",
  },
};

/** The family. */
export const LLAMA: Family = {
  name: "llama",
  huggingFace: {
    modelTypes: ["llama"],
    names: HUGGING_FACE_NAMES,
    architecture: readConfig,
  },
  gguf: {
    architectures: ["llama"],
    names: GGUF_NAMES,
    ropeFactors: "rope_freqs.weight",
    rotaryRows: "interleaved",
    architecture: readMetadata,
  },
};

// Defaults are those of transformers' LlamaConfig, for the fields that files leave out.
const configSchema = z.object({
  vocab_size: sizeUpTo(LIMITS.vocabSize),
  hidden_size: sizeUpTo(LIMITS.hiddenSize),
  intermediate_size: sizeUpTo(LIMITS.intermediateSize),
  num_hidden_layers: sizeUpTo(LIMITS.layers),
  num_attention_heads: sizeUpTo(LIMITS.heads),
  num_key_value_heads: sizeUpTo(LIMITS.heads).nullish(),
  head_dim: sizeUpTo(LIMITS.headSize).nullish(),
  max_position_embeddings: sizeUpTo(LIMITS.maxPositions).default(2048),
  rms_norm_eps: z.number().nonnegative().max(1).default(1e-6),
  hidden_act: z.string().default("silu"),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  quantization_config: z.unknown().optional(),
  ...ropeFields,
});

function readConfig(json: unknown, file: string, tensors: TensorNames): Architecture {
  const config = checkJson(json, configSchema, file);
  if (config.hidden_act !== "silu") {
    throw modelUnsupported({ file, missing: `hidden_act is "${config.hidden_act}", not "silu"` });
  }
  if (config.quantization_config !== undefined && config.quantization_config !== null) {
    const missing = "its weights are quantised (quantization_config)";
    throw modelUnsupported({
      file,
      missing,
      hint: "Take the unquantised model, or a GGUF file of it.",
    });
  }
  const maxPositions = config.max_position_embeddings;
  return makeArchitecture({
    file,
    layers: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    heads: config.num_attention_heads,
    kvHeads: config.num_key_value_heads ?? undefined,
    headSize: config.head_dim ?? undefined,
    intermediateSize: config.intermediate_size,
    vocabSize: config.vocab_size,
    maxPositions,
    normEpsilon: config.rms_norm_eps,
    rope: ropeOfConfig(config, maxPositions, file),
    // As transformers does: a head of its own is used even where the configuration says "tied".
    tiedHead: config.tie_word_embeddings && !tensors.has(HUGGING_FACE_NAMES.head),
    biases: { attention: config.attention_bias, mlp: config.mlp_bias },
  });
}

function readMetadata(
  metadata: GgufMetadata,
  tensors: TensorNames,
  ropeFactors: Float32Array | undefined,
): Architecture {
  const { file } = metadata;
  if ((metadata.number("llama.expert_count") ?? 0) > 0) {
    throw modelUnsupported({ file, missing: "it is a mixture of experts (llama.expert_count)" });
  }
  const epsilon = metadata.number("llama.attention.layer_norm_rms_epsilon");
  if (epsilon === undefined || !(epsilon >= 0 && epsilon <= 1)) {
    const problem = `"llama.attention.layer_norm_rms_epsilon" is ${epsilon ?? "missing"}`;
    throw modelUnreadable({ file, problem });
  }
  const size = (key: string, limit: number): number =>
    requiredGgufSize(metadata, `llama.${key}`, limit);
  const architecture = makeArchitecture({
    file,
    layers: size("block_count", LIMITS.layers),
    hiddenSize: size("embedding_length", LIMITS.hiddenSize),
    heads: size("attention.head_count", LIMITS.heads),
    kvHeads: ggufSize(metadata, "llama.attention.head_count_kv", LIMITS.heads),
    headSize: ggufSize(metadata, "llama.attention.key_length", LIMITS.headSize),
    intermediateSize: size("feed_forward_length", LIMITS.intermediateSize),
    vocabSize: ggufVocabSize(metadata),
    maxPositions: size("context_length", LIMITS.maxPositions),
    normEpsilon: epsilon,
    rope: ropeOfGguf(metadata, "llama", ropeFactors),
    tiedHead: !tensors.has(GGUF_NAMES.head),
    biases: {
      attention: tensors.has(GGUF_NAMES.layerPrefix(0) + GGUF_NAMES.layer.qBias),
      mlp: tensors.has(GGUF_NAMES.layerPrefix(0) + GGUF_NAMES.layer.gateBias),
    },
  });
  checkHeadSizes(metadata, architecture.headSize, ropeFactors);
  return architecture;
}

function ggufVocabSize(metadata: GgufMetadata): number {
  const written = ggufSize(metadata, "llama.vocab_size", LIMITS.vocabSize);
  const tokens = metadata.strings("tokenizer.ggml.tokens")?.length;
  const size = written ?? tokens;
  if (size !== undefined && size > 0) return size;
  const problem = "neither llama.vocab_size nor a vocabulary is in its metadata";
  throw modelUnreadable({ file: metadata.file, problem });
}

/** All of a head is turned, and keys and values have the same size: nothing else is built. */
function checkHeadSizes(
  metadata: GgufMetadata,
  headSize: number,
  ropeFactors: Float32Array | undefined,
): void {
  for (const key of ["llama.rope.dimension_count", "llama.attention.value_length"]) {
    const size = ggufSize(metadata, key, LIMITS.headSize) ?? headSize;
    if (size === headSize) continue;
    const missing = `"${key}" is ${size}, and only the size of a head, ${headSize}, is built`;
    throw modelUnsupported({ file: metadata.file, missing });
  }
  if (ropeFactors !== undefined && ropeFactors.length !== headSize / 2) {
    const problem = `it has ${ropeFactors.length} rope factors for ${headSize / 2} pairs`;
    throw modelUnreadable({ file: metadata.file, problem });
  }
}

/** What both layouts say, with what they may leave out. */
type Facts = Omit<
  Architecture,
  "family" | "kvHeads" | "headSize" | "activation" | "rope" | "attentionScale"
> & {
  readonly file: string;
  readonly kvHeads: number | undefined;
  readonly headSize: number | undefined;
  readonly rope: RopeSettings;
};

function makeArchitecture(facts: Facts): Architecture {
  const { file, rope, ...rest } = facts;
  const { hiddenSize, heads } = rest;
  const kvHeads = rest.kvHeads ?? heads;
  const headSize = rest.headSize ?? hiddenSize / heads;
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) {
    const problem = `a hidden size of ${hiddenSize} in ${heads} heads gives no even head size (${headSize})`;
    throw modelUnreadable({ file, problem });
  }
  if (heads % kvHeads !== 0) {
    const problem = `${heads} heads cannot share ${kvHeads} key/value heads`;
    throw modelUnreadable({ file, problem });
  }
  return {
    ...rest,
    family: LLAMA.name,
    kvHeads,
    headSize,
    activation: "silu",
    rope: makeRope(headSize, rope.theta, rope.scaling),
    attentionScale: 1 / Math.sqrt(headSize),
  };
}
