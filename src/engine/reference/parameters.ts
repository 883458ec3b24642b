/** All weights of a model in memory as float32, arranged as the blocks use them. */
import type { Architecture, LayerWeight, ModelDefinition, WeightTensor } from "../architecture.ts";
import type { Attention } from "./attention.ts";
import type { Block } from "./block.ts";
import type { Linear } from "./linear.ts";
import type { Mlp } from "./mlp.ts";
import type { Norm } from "./norm.ts";

export interface Parameters {
  /** `[vocab, hidden]` */
  readonly embedding: Float32Array;
  readonly blocks: readonly Block[];
  readonly finalNorm: Norm;
  readonly head: Linear;
}

/** Reads and dequantises the whole model. */
export async function loadParameters(model: ModelDefinition): Promise<Parameters> {
  const { architecture, weights } = model;
  const embedding = await read(weights.embedding);
  const blocks: Block[] = [];
  for (let layer = 0; layer < architecture.layers; layer += 1) {
    blocks.push(await loadBlock(architecture, (weight) => read(weights.layer(layer, weight))));
  }
  const { hiddenSize, vocabSize, tiedHead, normEpsilon } = architecture;
  const head: Linear = {
    outputs: vocabSize,
    inputs: hiddenSize,
    weight: tiedHead ? embedding : await read(weights.head),
    bias: undefined,
  };
  const finalNorm = { weight: await read(weights.finalNorm), epsilon: normEpsilon };
  return { embedding, blocks, finalNorm, head };
}

type ReadWeight = (weight: LayerWeight) => Promise<Float32Array>;

async function loadBlock(architecture: Architecture, weight: ReadWeight): Promise<Block> {
  const epsilon = architecture.normEpsilon;
  return {
    attnNorm: { weight: await weight("attnNorm"), epsilon },
    attention: await loadAttention(architecture, weight),
    mlpNorm: { weight: await weight("mlpNorm"), epsilon },
    mlp: await loadMlp(architecture, weight),
  };
}

async function loadAttention(architecture: Architecture, weight: ReadWeight): Promise<Attention> {
  const { hiddenSize, heads, kvHeads, headSize, biases, attentionScale, rope } = architecture;
  const bias = async (name: LayerWeight): Promise<Float32Array | undefined> =>
    biases.attention ? weight(name) : undefined;
  const into = async (name: "q" | "k" | "v", outputs: number): Promise<Linear> => ({
    outputs,
    inputs: hiddenSize,
    weight: await weight(name),
    bias: await bias(`${name}Bias`),
  });
  return {
    q: await into("q", heads * headSize),
    k: await into("k", kvHeads * headSize),
    v: await into("v", kvHeads * headSize),
    o: {
      outputs: hiddenSize,
      inputs: heads * headSize,
      weight: await weight("o"),
      bias: await bias("oBias"),
    },
    heads,
    kvHeads,
    headSize,
    scale: attentionScale,
    rope,
  };
}

async function loadMlp(architecture: Architecture, weight: ReadWeight): Promise<Mlp> {
  const { hiddenSize, intermediateSize, biases, activation } = architecture;
  const linear = async (
    name: "gate" | "up" | "down",
    [outputs, inputs]: readonly [outputs: number, inputs: number],
  ): Promise<Linear> => ({
    outputs,
    inputs,
    weight: await weight(name),
    bias: biases.mlp ? await weight(`${name}Bias`) : undefined,
  });
  return {
    gate: await linear("gate", [intermediateSize, hiddenSize]),
    up: await linear("up", [intermediateSize, hiddenSize]),
    down: await linear("down", [hiddenSize, intermediateSize]),
    activation,
  };
}

async function read(tensor: WeightTensor): Promise<Float32Array> {
  const numbers = new Float32Array(tensor.shape.reduce((size, axis) => size * axis, 1));
  await tensor.dequantize(numbers);
  return numbers;
}
