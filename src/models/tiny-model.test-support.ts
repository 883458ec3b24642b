/** A llama of one layer with a vocabulary of eight, as the bytes of a GGUF file and as the files of a folder. */
import type { StorageType } from "../engine/architecture.ts";
import { STORAGE_FORMATS } from "./weights/dequantize.ts";
import {
  writeGguf,
  type WrittenTensor,
  type WrittenValue,
} from "./weights/gguf-writer.test-support.ts";
import { writeSafetensors } from "./weights/safetensors-writer.ts";

const HIDDEN = 32;
const INNER = 32;

const TOKENS = ["<end>", "a", "b", "c", "Ġ", "ab", "Ġab", "abc"];

const TINY_METADATA: Readonly<Record<string, WrittenValue>> = {
  "general.architecture": { kind: "string", value: "llama" },
  "llama.block_count": { kind: "uint32", value: 1 },
  "llama.context_length": { kind: "uint32", value: 64 },
  "llama.embedding_length": { kind: "uint32", value: HIDDEN },
  "llama.feed_forward_length": { kind: "uint32", value: INNER },
  "llama.attention.head_count": { kind: "uint32", value: 4 },
  "llama.attention.head_count_kv": { kind: "uint32", value: 2 },
  "llama.attention.layer_norm_rms_epsilon": { kind: "float32", value: 1e-5 },
  "llama.rope.dimension_count": { kind: "uint32", value: 8 },
  "tokenizer.ggml.model": { kind: "string", value: "gpt2" },
  "tokenizer.ggml.pre": { kind: "string", value: "smollm" },
  "tokenizer.ggml.tokens": { kind: "strings", value: TOKENS },
  "tokenizer.ggml.token_type": { kind: "int32s", value: [3, 1, 1, 1, 1, 1, 1, 1] },
  "tokenizer.ggml.merges": { kind: "strings", value: ["a b", "Ġ ab", "ab c"] },
  "tokenizer.ggml.eos_token_id": { kind: "uint32", value: 0 },
};

export const TINY_TENSORS: readonly WrittenTensor[] = [
  tensor("token_embd.weight", "Q8_0", [TOKENS.length, HIDDEN]),
  tensor("output_norm.weight", "F32", [HIDDEN]),
  tensor("blk.0.attn_norm.weight", "F32", [HIDDEN]),
  tensor("blk.0.attn_q.weight", "Q4_1", [HIDDEN, HIDDEN]),
  tensor("blk.0.attn_k.weight", "F16", [HIDDEN / 2, HIDDEN]),
  tensor("blk.0.attn_v.weight", "BF16", [HIDDEN / 2, HIDDEN]),
  tensor("blk.0.attn_output.weight", "Q4_1", [HIDDEN, HIDDEN]),
  tensor("blk.0.ffn_norm.weight", "F32", [HIDDEN]),
  tensor("blk.0.ffn_gate.weight", "Q4_1", [INNER, HIDDEN]),
  tensor("blk.0.ffn_up.weight", "Q4_1", [INNER, HIDDEN]),
  tensor("blk.0.ffn_down.weight", "Q4_1", [HIDDEN, INNER]),
];

/** A tensor with bytes that count up, which is a number in every type. */
export function tensor(name: string, type: StorageType, shape: readonly number[]): WrittenTensor {
  const { blockSize, bytesPerBlock } = STORAGE_FORMATS[type];
  const size = shape.reduce((product, length) => product * length, 1);
  const bytes = Uint8Array.from({ length: (size / blockSize) * bytesPerBlock }, (_, i) => i % 60);
  return { name, type, shape, bytes };
}

/** The GGUF file, with changes. */
export function tinyGguf(
  metadata: Readonly<Record<string, WrittenValue>> = {},
  tensors: readonly WrittenTensor[] = TINY_TENSORS,
): Uint8Array {
  return writeGguf({ ...TINY_METADATA, ...metadata }, tensors);
}

export const TINY_CONFIG = {
  model_type: "llama",
  vocab_size: 8,
  hidden_size: 4,
  intermediate_size: 3,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  eos_token_id: 2,
};

/** model.safetensors of {@link TINY_CONFIG}. */
export function tinySafetensors(): Uint8Array {
  const layer = "model.layers.0.";
  const shapes: Readonly<Record<string, readonly number[]>> = {
    "model.embed_tokens.weight": [8, 4],
    "model.norm.weight": [4],
    [`${layer}input_layernorm.weight`]: [4],
    [`${layer}post_attention_layernorm.weight`]: [4],
    [`${layer}self_attn.q_proj.weight`]: [4, 4],
    [`${layer}self_attn.k_proj.weight`]: [4, 4],
    [`${layer}self_attn.v_proj.weight`]: [4, 4],
    [`${layer}self_attn.o_proj.weight`]: [4, 4],
    [`${layer}mlp.gate_proj.weight`]: [3, 4],
    [`${layer}mlp.up_proj.weight`]: [3, 4],
    [`${layer}mlp.down_proj.weight`]: [4, 3],
  };
  const tensors = Object.entries(shapes).map(([name, shape], n) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return { name, shape, data: Float32Array.from({ length: size }, (_, i) => n + i / 8) };
  });
  return new Uint8Array(Buffer.concat(writeSafetensors(tensors)));
}
