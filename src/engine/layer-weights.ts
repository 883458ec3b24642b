/** Which weights a layer of an architecture has, and their shapes: the one place that says so, for engines and readers. */
import type { Architecture, LayerWeight } from "./architecture.ts";

export type Shapes = ReadonlyMap<LayerWeight, readonly number[]>;

/** The weights of every layer of this architecture, with their shapes. */
export function layerWeights(architecture: Architecture): Shapes {
  const shapes = new Map<LayerWeight, readonly number[]>();
  const all = { ...norms(architecture), ...attention(architecture), ...mlp(architecture) };
  for (const [weight, shape] of Object.entries(all) as [LayerWeight, readonly number[] | false][]) {
    if (shape !== false) shapes.set(weight, shape);
  }
  return shapes;
}

/** The shape of a weight; `false` where the architecture has none. */
type Possible = Partial<Record<LayerWeight, readonly number[] | false>>;

function norms({ hiddenSize, norm, block }: Architecture): Possible {
  const vector = [hiddenSize];
  const hasPre = norm.placement !== "post";
  const hasMlpPre = hasPre && block !== "parallel-one-norm";
  const hasPost = norm.placement !== "pre";
  const hasBias = norm.kind === "layer-norm";
  return {
    attnNorm: hasPre && vector,
    attnNormBias: hasPre && hasBias && vector,
    attnPostNorm: hasPost && vector,
    attnPostNormBias: hasPost && hasBias && vector,
    mlpNorm: hasMlpPre && vector,
    mlpNormBias: hasMlpPre && hasBias && vector,
    mlpPostNorm: hasPost && vector,
    mlpPostNormBias: hasPost && hasBias && vector,
  };
}

function attention(architecture: Architecture): Possible {
  const { hiddenSize, headSize, biases, qkNorm } = architecture;
  const queries = architecture.heads * headSize;
  const keys = architecture.kvHeads * headSize;
  return {
    q: [queries, hiddenSize],
    k: [keys, hiddenSize],
    v: [keys, hiddenSize],
    o: [hiddenSize, queries],
    qBias: biases.qkv && [queries],
    kBias: biases.qkv && [keys],
    vBias: biases.qkv && [keys],
    oBias: biases.o && [hiddenSize],
    qNorm: qkNorm !== undefined && [qkNorm === "head" ? headSize : queries],
    kNorm: qkNorm !== undefined && [qkNorm === "head" ? headSize : keys],
  };
}

function mlp(architecture: Architecture): Possible {
  const { hiddenSize, intermediateSize, biases } = architecture;
  const isGated = architecture.mlp === "gated";
  return {
    gate: isGated && [intermediateSize, hiddenSize],
    up: [intermediateSize, hiddenSize],
    down: [hiddenSize, intermediateSize],
    gateBias: isGated && biases.mlp && [intermediateSize],
    upBias: biases.mlp && [intermediateSize],
    downBias: biases.mlp && [hiddenSize],
  };
}
