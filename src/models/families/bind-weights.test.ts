import { describe, expect, test } from "vitest";

import type { Architecture } from "../../engine/architecture.ts";
import { memorySource } from "../weights/byte-source.ts";
import { tensorAt, type StoredTensor } from "../weights/checkpoint.ts";
import { bindWeights, expectedNames } from "./bind-weights.ts";
import { LLAMA } from "./llama.ts";

const CONFIG = {
  vocab_size: 7,
  hidden_size: 8,
  intermediate_size: 6,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};

const { names } = LLAMA.huggingFace;
const plain = LLAMA.huggingFace.architecture(CONFIG, "config.json", new Set());
const withBiases = LLAMA.huggingFace.architecture(
  { ...CONFIG, attention_bias: true, mlp_bias: true, tie_word_embeddings: true },
  "config.json",
  new Set(),
);

const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "model.embed_tokens.weight": [7, 8],
  "model.norm.weight": [8],
  "lm_head.weight": [7, 8],
  "input_layernorm.weight": [8],
  "post_attention_layernorm.weight": [8],
  "self_attn.q_proj.weight": [8, 8],
  "self_attn.k_proj.weight": [4, 8],
  "self_attn.v_proj.weight": [4, 8],
  "self_attn.o_proj.weight": [8, 8],
  "mlp.gate_proj.weight": [6, 8],
  "mlp.up_proj.weight": [6, 8],
  "mlp.down_proj.weight": [8, 6],
  "self_attn.q_proj.bias": [8],
  "self_attn.k_proj.bias": [4],
  "self_attn.v_proj.bias": [4],
  "self_attn.o_proj.bias": [8],
  "mlp.gate_proj.bias": [6],
  "mlp.up_proj.bias": [6],
  "mlp.down_proj.bias": [8],
};

function tensorsFor(architecture: Architecture): Map<string, StoredTensor> {
  const source = memorySource("m.safetensors", new Uint8Array(1024));
  const tensors = new Map<string, StoredTensor>();
  for (const name of expectedNames(architecture, names)) {
    const shape = SHAPES[name.replace(/^model\.layers\.\d+\./, "")] ?? [];
    const byteLength = 4 * shape.reduce((size, length) => size * length, 1);
    tensors.set(name, tensorAt(source, 0, { name, type: "F32", shape, byteLength }));
  }
  return tensors;
}

const bind = (architecture: Architecture, tensors: ReadonlyMap<string, StoredTensor>) =>
  bindWeights(architecture, { file: "m", tensors, names, habits: { rotaryRows: "halves" } });

describe("binding weights", () => {
  test("finds each by what it does", () => {
    const weights = bind(withBiases, tensorsFor(withBiases));
    expect(weights.layer(1, "k").shape).toEqual([4, 8]);
    expect(weights.layer(0, "downBias").shape).toEqual([8]);
    expect(weights.embedding.shape).toEqual([7, 8]);
  });

  test("a tied head is the embedding itself", () => {
    const tied = bind(withBiases, tensorsFor(withBiases));
    const own = bind(plain, tensorsFor(plain));
    expect(tied.head).toBe(tied.embedding);
    expect(own.head).not.toBe(own.embedding);
  });

  test("every weight that the architecture has must be there", () => {
    for (const name of tensorsFor(plain).keys()) {
      const tensors = tensorsFor(plain);
      tensors.delete(name);
      expect(() => bind(plain, tensors)).toThrow(`m cannot be read: tensor "${name}" is missing.`);
    }
  });

  test("a wrong shape is refused with both shapes", () => {
    const tensors = tensorsFor(plain);
    const name = "model.layers.1.mlp.up_proj.weight";
    const tensor = tensors.get(name);
    if (tensor !== undefined) tensors.set(name, { ...tensor, shape: [8, 6] });
    expect(() => bind(plain, tensors)).toThrow(
      `m.safetensors cannot be read: tensor "${name}" should have the shape [6, 8] and has [8, 6].`,
    );
  });

  test("a type that cannot be dequantised is refused with the tensor's name", () => {
    const tensors = tensorsFor(plain);
    const tensor = tensors.get("model.norm.weight");
    if (tensor !== undefined) tensors.set(tensor.name, { ...tensor, type: "IQ2_XS" });
    expect(() => bind(plain, tensors)).toThrow(
      expect.objectContaining({
        code: "model-unsupported",
        message: `m.safetensors is not supported: tensor "model.norm.weight" is stored as IQ2_XS, and only F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS can be read.`,
      }),
    );
  });
});
