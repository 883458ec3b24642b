/** Tensor names that most families share: those of Llama in the Hugging Face layout. */
import type { WeightNames } from "./family.ts";

/** The names of `*_proj` matrices and of two norms before them. */
export const DECODER_NAMES: WeightNames = {
  basePrefix: "model.",
  embedding: "model.embed_tokens.weight",
  finalNorm: "model.norm.weight",
  finalNormBias: "model.norm.bias",
  head: "lm_head.weight",
  headBias: "lm_head.bias",
  layerPrefix: (layer) => `model.layers.${layer}.`,
  layer: {
    attnNorm: "input_layernorm.weight",
    attnNormBias: "input_layernorm.bias",
    q: "self_attn.q_proj.weight",
    k: "self_attn.k_proj.weight",
    v: "self_attn.v_proj.weight",
    o: "self_attn.o_proj.weight",
    qBias: "self_attn.q_proj.bias",
    kBias: "self_attn.k_proj.bias",
    vBias: "self_attn.v_proj.bias",
    oBias: "self_attn.o_proj.bias",
    qNorm: "self_attn.q_norm.weight",
    kNorm: "self_attn.k_norm.weight",
    mlpNorm: "post_attention_layernorm.weight",
    mlpNormBias: "post_attention_layernorm.bias",
    gate: "mlp.gate_proj.weight",
    up: "mlp.up_proj.weight",
    down: "mlp.down_proj.weight",
    gateBias: "mlp.gate_proj.bias",
    upBias: "mlp.up_proj.bias",
    downBias: "mlp.down_proj.bias",
  },
};

/** The same for blocks with a norm before and a norm behind each sub-layer. */
export const SANDWICH_NAMES: WeightNames = {
  ...DECODER_NAMES,
  layer: {
    ...DECODER_NAMES.layer,
    attnPostNorm: "post_attention_layernorm.weight",
    mlpNorm: "pre_feedforward_layernorm.weight",
    mlpPostNorm: "post_feedforward_layernorm.weight",
  },
};
