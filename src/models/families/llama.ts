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
import { readDecoderConfig } from "./decoder-config.ts";
import { DECODER_NAMES } from "./decoder-names.ts";
import { makeArchitecture } from "./facts.ts";
import { ggufSize, LIMITS, requiredGgufSize } from "./limits.ts";
import { ropeOfGguf } from "./rope-config.ts";

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
    names: DECODER_NAMES,
    habits: { rotaryRows: "halves" },
    architecture: readConfig,
  },
  gguf: {
    architectures: ["llama"],
    names: GGUF_NAMES,
    habits: { rotaryRows: "interleaved" },
    ropeFactors: "rope_freqs.weight",
    architecture: readMetadata,
  },
};

const configSchema = z.object({
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
});

function readConfig(json: unknown, file: string, tensors: TensorNames): Architecture {
  const { epsilon, ...facts } = readDecoderConfig(
    { json, file, tensors },
    { maxPositions: 2048, epsilon: 1e-6, activation: "silu" },
    DECODER_NAMES.head,
  );
  const { attention_bias: attention, mlp_bias: mlp } = checkJson(json, configSchema, file);
  return makeArchitecture({
    ...facts,
    family: "llama",
    norm: { kind: "rms", epsilon, placement: "pre" },
    biases: { qkv: attention ?? false, o: attention ?? false, mlp: mlp ?? false },
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
    family: "llama",
    norm: { kind: "rms", epsilon, placement: "pre" },
    activation: "silu",
    rope: ropeOfGguf(metadata, "llama", ropeFactors),
    tiedHead: !tensors.has(GGUF_NAMES.head),
    biases: {
      qkv: hasFirst(tensors, "attn_q.bias"),
      o: hasFirst(tensors, "attn_output.bias"),
      mlp: hasFirst(tensors, "ffn_gate.bias"),
    },
  });
  checkHeadSizes(metadata, architecture.headSize, ropeFactors);
  return architecture;
}

function hasFirst(tensors: TensorNames, name: string): boolean {
  return tensors.has(GGUF_NAMES.layerPrefix(0) + name);
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
