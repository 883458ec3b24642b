/**
 * Finds every weight that an architecture needs among a file's tensors, by the names that its family declares,
 * and checks type and shape of each: after this, only reading can fail.
 */
import type {
  Architecture,
  LayerWeight,
  Weights,
  WeightTensor,
} from "../../engine/architecture.ts";
import { tensorMissing, tensorShapeWrong, tensorTypeUnsupported } from "../errors.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";
import { isStorageType, STORAGE_FORMATS } from "../weights/dequantize.ts";
import { deinterleavedWeight, storedWeight, type RotaryRows } from "../weights/stored-weight.ts";
import type { WeightNames } from "./family.ts";

/** Where the weights come from. */
export interface WeightSource {
  /** For messages. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly names: WeightNames;
  readonly rotaryRows: RotaryRows;
}

/**
 * The weights of a model.
 * @throws `model-unreadable` when one is missing or of a wrong shape, `model-unsupported` when its type cannot be read
 */
export function bindWeights(architecture: Architecture, source: WeightSource): Weights {
  const { hiddenSize, vocabSize, tiedHead } = architecture;
  const { names } = source;
  const shapes = layerShapes(architecture);
  const layers = Array.from({ length: architecture.layers }, (_, layer) =>
    bindLayer(names.layerPrefix(layer), shapes, architecture, source),
  );
  const embedding = bind(names.embedding, [vocabSize, hiddenSize], source);
  return {
    embedding,
    finalNorm: bind(names.finalNorm, [hiddenSize], source),
    head: tiedHead ? embedding : bind(names.head, [vocabSize, hiddenSize], source),
    layer: (layer, weight) => {
      const bound = layers[layer]?.get(weight);
      if (bound !== undefined) return bound;
      throw tensorMissing({
        file: source.file,
        tensor: names.layerPrefix(layer) + names.layer[weight],
      });
    },
  };
}

/** The names that a model of this architecture has in a file. */
export function expectedNames(architecture: Architecture, names: WeightNames): ReadonlySet<string> {
  const expected = new Set([names.embedding, names.finalNorm, names.head]);
  for (let layer = 0; layer < architecture.layers; layer++) {
    for (const [weight] of layerShapes(architecture)) {
      expected.add(names.layerPrefix(layer) + names.layer[weight]);
    }
  }
  return expected;
}

type Shapes = ReadonlyMap<LayerWeight, readonly number[]>;

function layerShapes(architecture: Architecture): Shapes {
  const { hiddenSize: hidden, headSize, intermediateSize: inner, biases } = architecture;
  const queries = architecture.heads * headSize;
  const keys = architecture.kvHeads * headSize;
  const shapes = new Map<LayerWeight, readonly number[]>([
    ["attnNorm", [hidden]],
    ["q", [queries, hidden]],
    ["k", [keys, hidden]],
    ["v", [keys, hidden]],
    ["o", [hidden, queries]],
    ["mlpNorm", [hidden]],
    ["gate", [inner, hidden]],
    ["up", [inner, hidden]],
    ["down", [hidden, inner]],
  ]);
  if (biases.attention) {
    shapes.set("qBias", [queries]).set("kBias", [keys]).set("vBias", [keys]).set("oBias", [hidden]);
  }
  if (biases.mlp) shapes.set("gateBias", [inner]).set("upBias", [inner]).set("downBias", [hidden]);
  return shapes;
}

function bindLayer(
  prefix: string,
  shapes: Shapes,
  architecture: Architecture,
  source: WeightSource,
): ReadonlyMap<LayerWeight, WeightTensor> {
  const bound = new Map<LayerWeight, WeightTensor>();
  for (const [weight, shape] of shapes) {
    const heads = rotaryHeads(weight, architecture);
    bound.set(weight, bind(prefix + source.names.layer[weight], shape, source, heads));
  }
  return bound;
}

/** How many heads a rotary weight's rows are; `undefined` for weights that are not turned. */
function rotaryHeads(weight: LayerWeight, architecture: Architecture): number | undefined {
  if (weight === "q" || weight === "qBias") return architecture.heads;
  return weight === "k" || weight === "kBias" ? architecture.kvHeads : undefined;
}

function bind(
  name: string,
  shape: readonly number[],
  source: WeightSource,
  heads?: number,
): WeightTensor {
  const tensor = source.tensors.get(name);
  if (tensor === undefined) throw tensorMissing({ file: source.file, tensor: name });
  const { file, type } = tensor;
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
    throw tensorShapeWrong({ file, tensor: name, expected: shape, got: tensor.shape });
  }
  if (!isStorageType(type)) {
    const supported = Object.keys(STORAGE_FORMATS);
    throw tensorTypeUnsupported({ file, tensor: name, type, supported });
  }
  const isMoved = heads !== undefined && source.rotaryRows === "interleaved";
  return isMoved ? deinterleavedWeight(tensor, type, heads) : storedWeight(tensor, type);
}
