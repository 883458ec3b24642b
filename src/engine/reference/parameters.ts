/** All weights of a model in memory as float32, arranged as the blocks use them. */
import { assert } from "../../errors.ts";
import type { Architecture, LayerWeight, ModelDefinition, WeightTensor } from "../architecture.ts";
import { layerWeights } from "../layer-weights.ts";
import type { Attention } from "./attention.ts";
import type { Block } from "./block.ts";
import type { Linear } from "./linear.ts";
import type { Mlp } from "./mlp.ts";
import type { Norm } from "./norm.ts";

export interface Parameters {
  /** `[vocab, hidden]` */
  readonly embedding: Float32Array;
  /** `[positions, hidden]`, where positions are learned. */
  readonly positions: Float32Array | undefined;
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
    blocks.push(loadBlock(architecture, layer, await readLayer(model, layer)));
  }
  const { hiddenSize, vocabSize, tiedHead } = architecture;
  const head: Linear = {
    outputs: vocabSize,
    inputs: hiddenSize,
    weight: tiedHead ? embedding : await read(weights.head),
    bias: await readIfAny(weights.headBias),
  };
  const finalNorm = await loadFinalNorm({ norm: architecture.norm, ...weights });
  return { embedding, positions: await readIfAny(weights.positions), blocks, finalNorm, head };
}

/** The norm before the output matrix, on its own. */
export async function loadFinalNorm({
  norm,
  finalNorm,
  finalNormBias,
}: Pick<Architecture, "norm"> &
  Pick<ModelDefinition["weights"], "finalNorm" | "finalNormBias">): Promise<Norm> {
  return {
    kind: norm.kind,
    epsilon: norm.epsilon,
    weight: await read(finalNorm),
    bias: await readIfAny(finalNormBias),
  };
}

/** A layer's weights; those that it has. */
type LayerNumbers = ReadonlyMap<LayerWeight, Float32Array>;

async function readLayer(model: ModelDefinition, layer: number): Promise<LayerNumbers> {
  const numbers = new Map<LayerWeight, Float32Array>();
  for (const weight of layerWeights(model.architecture).keys()) {
    numbers.set(weight, await read(model.weights.layer(layer, weight)));
  }
  return numbers;
}

function loadBlock(architecture: Architecture, layer: number, numbers: LayerNumbers): Block {
  const { norm, block, residualScale } = architecture;
  const normOf = (weight: LayerWeight, bias?: LayerWeight): Norm | undefined => {
    const found = numbers.get(weight);
    return found && { ...norm, weight: found, bias: bias && numbers.get(bias) };
  };
  const attnNorm = normOf("attnNorm", "attnNormBias");
  return {
    kind: block,
    attnNorm,
    attention: {
      ...loadAttention(architecture, layer, numbers),
      qNorm: normOf("qNorm"),
      kNorm: normOf("kNorm"),
    },
    attnPostNorm: normOf("attnPostNorm", "attnPostNormBias"),
    mlpNorm: block === "parallel-one-norm" ? attnNorm : normOf("mlpNorm", "mlpNormBias"),
    mlp: loadMlp(architecture, numbers),
    mlpPostNorm: normOf("mlpPostNorm", "mlpPostNormBias"),
    residualScale,
  };
}

function loadAttention(
  architecture: Architecture,
  layer: number,
  numbers: LayerNumbers,
): Omit<Attention, "qNorm" | "kNorm"> {
  const { hiddenSize, heads, kvHeads, headSize, attentionScale, scoreCap } = architecture;
  const window = architecture.window?.layers.has(layer) === true ? architecture.window : undefined;
  const queries = heads * headSize;
  const keys = kvHeads * headSize;
  return {
    q: linearOf(numbers, "q", [queries, hiddenSize]),
    k: linearOf(numbers, "k", [keys, hiddenSize]),
    v: linearOf(numbers, "v", [keys, hiddenSize]),
    o: linearOf(numbers, "o", [hiddenSize, queries]),
    heads,
    kvHeads,
    headSize,
    scale: attentionScale,
    scoreCap,
    rope: window?.rope ?? architecture.rope,
    window: window?.size,
  };
}

function loadMlp(architecture: Architecture, numbers: LayerNumbers): Mlp {
  const { hiddenSize, intermediateSize, activation } = architecture;
  const into = [intermediateSize, hiddenSize] as const;
  return {
    gate: numbers.has("gate") ? linearOf(numbers, "gate", into) : undefined,
    up: linearOf(numbers, "up", into),
    down: linearOf(numbers, "down", [hiddenSize, intermediateSize]),
    activation,
  };
}

function linearOf(
  numbers: LayerNumbers,
  name: "q" | "k" | "v" | "o" | "gate" | "up" | "down",
  [outputs, inputs]: readonly [outputs: number, inputs: number],
): Linear {
  const weight = numbers.get(name);
  assert(weight, "every layer has its matrices");
  return { outputs, inputs, weight, bias: numbers.get(`${name}Bias`) };
}

async function readIfAny(tensor: WeightTensor | undefined): Promise<Float32Array | undefined> {
  return tensor === undefined ? undefined : read(tensor);
}

async function read(tensor: WeightTensor): Promise<Float32Array> {
  const numbers = new Float32Array(tensor.shape.reduce((size, axis) => size * axis, 1));
  await tensor.dequantize(numbers);
  return numbers;
}
