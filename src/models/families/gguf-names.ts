/** Tensor names of GGUF files: the same for all families, but for what is stored together. */
import type { FusedTensor, WeightNames } from "./family.ts";

/** Every weight a tensor of its own. */
export const GGUF_NAMES: WeightNames = {
  embedding: "token_embd.weight",
  positions: "position_embd.weight",
  finalNorm: "output_norm.weight",
  finalNormBias: "output_norm.bias",
  head: "output.weight",
  headBias: "output.bias",
  layerPrefix: (layer) => `blk.${layer}.`,
  layer: {
    attnNorm: "attn_norm.weight",
    attnNormBias: "attn_norm.bias",
    q: "attn_q.weight",
    k: "attn_k.weight",
    v: "attn_v.weight",
    o: "attn_output.weight",
    qBias: "attn_q.bias",
    kBias: "attn_k.bias",
    vBias: "attn_v.bias",
    oBias: "attn_output.bias",
    qNorm: "attn_q_norm.weight",
    kNorm: "attn_k_norm.weight",
    attnPostNorm: "post_attention_norm.weight",
    mlpNorm: "ffn_norm.weight",
    mlpNormBias: "ffn_norm.bias",
    gate: "ffn_gate.weight",
    up: "ffn_up.weight",
    down: "ffn_down.weight",
    gateBias: "ffn_gate.bias",
    upBias: "ffn_up.bias",
    downBias: "ffn_down.bias",
    mlpPostNorm: "post_ffw_norm.weight",
  },
};

/** Queries, keys and values in one tensor. */
export const GGUF_FUSED_QKV: readonly FusedTensor[] = [
  { name: "attn_qkv.weight", parts: ["q", "k", "v"], order: "stacked" },
  { name: "attn_qkv.bias", parts: ["qBias", "kBias", "vBias"], order: "stacked" },
];
