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
import { layerWeights, type Shapes } from "../../engine/layer-weights.ts";
import { tensorMissing, tensorShapeWrong, tensorTypeUnsupported } from "../errors.ts";
import type { StoredTensor } from "../weights/checkpoint.ts";
import { isStorageType, STORAGE_FORMATS } from "../weights/dequantize.ts";
import { deinterleavedWeight, storedWeight } from "../weights/stored-weight.ts";
import type { StorageHabits, WeightNames } from "./family.ts";
import { placeOf, type WeightPlace } from "./weight-places.ts";
import {
  deinterleavedRuns,
  joinRuns,
  plusConstant,
  rowsOf,
  transposedColumns,
} from "./weight-views.ts";

/** Where the weights come from. */
export interface WeightSource {
  /** For messages. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly names: WeightNames;
  readonly habits: StorageHabits;
}

/**
 * The weights of a model.
 * @throws `model-unreadable` when one is missing or of a wrong shape, `model-unsupported` when its type cannot be read
 */
export function bindWeights(architecture: Architecture, source: WeightSource): Weights {
  const { hiddenSize, vocabSize, maxPositions, tiedHead, biases, norm, rope } = architecture;
  const { names } = source;
  const shapes = layerWeights(architecture);
  const layers = Array.from({ length: architecture.layers }, (_, layer) =>
    bindLayer(names.layerPrefix(layer), shapes, architecture, source),
  );
  const whole = (name: string | undefined, shape: readonly number[]): WeightTensor =>
    plain(bind(name ?? "", shape, source));
  const embedding = whole(names.embedding, [vocabSize, hiddenSize]);
  const hasNormBias = norm.kind === "layer-norm";
  return {
    embedding,
    positions: rope ? undefined : whole(names.positions, [maxPositions, hiddenSize]),
    finalNorm: offsetNorm(whole(names.finalNorm, [hiddenSize]), source),
    finalNormBias: hasNormBias ? whole(names.finalNormBias, [hiddenSize]) : undefined,
    head: tiedHead ? embedding : whole(names.head, [vocabSize, hiddenSize]),
    headBias: biases.head ? whole(names.headBias, [vocabSize]) : undefined,
    layer: (layer, weight) => {
      const bound = layers[layer]?.get(weight);
      if (bound !== undefined) return bound;
      throw tensorMissing({
        file: source.file,
        tensor: names.layerPrefix(layer) + (names.layer[weight] ?? weight),
      });
    },
  };
}

/** The names that a model of this architecture has in a file. */
export function expectedNames(architecture: Architecture, names: WeightNames): ReadonlySet<string> {
  const { biases, norm, rope } = architecture;
  const expected = new Set([names.embedding, names.finalNorm, names.head]);
  if (rope === undefined) expected.add(names.positions ?? "");
  if (norm.kind === "layer-norm") expected.add(names.finalNormBias ?? "");
  if (biases.head) expected.add(names.headBias ?? "");
  const shapes = layerWeights(architecture);
  for (let layer = 0; layer < architecture.layers; layer++) {
    for (const weight of shapes.keys()) {
      expected.add(names.layerPrefix(layer) + placeOf(weight, names, shapes, architecture).name);
    }
  }
  return expected;
}

function bindLayer(
  prefix: string,
  shapes: Shapes,
  architecture: Architecture,
  source: WeightSource,
): ReadonlyMap<LayerWeight, WeightTensor> {
  const bound = new Map<LayerWeight, WeightTensor>();
  for (const [weight, shape] of shapes) {
    const place = placeOf(weight, source.names, shapes, architecture);
    const named = { ...place, name: prefix + place.name };
    const isColumns = source.habits.matrices === "inputs-first" && shape.length === 2;
    const tensor = isColumns
      ? bindColumns(named, shape, source)
      : bindRows(named, shape, { weight, architecture }, source);
    bound.set(weight, isNorm(weight) ? offsetNorm(tensor, source) : tensor);
  }
  return bound;
}

/** A matrix that is stored `[inputs, outputs]`: its part of the columns. */
function bindColumns(
  place: WeightPlace,
  [outputs = 0, inputs = 0]: readonly number[],
  source: WeightSource,
): WeightTensor {
  const width = place.rows ?? outputs;
  const { from = 0 } = place.runs?.[0] ?? {};
  const stored = plain(bind(place.name, [inputs, width], source));
  return transposedColumns(stored, { from, count: outputs });
}

/** A weight that is stored by rows: all of a tensor, or runs of its rows. */
function bindRows(
  place: WeightPlace,
  shape: readonly number[],
  of: { readonly weight: LayerWeight; readonly architecture: Architecture },
  source: WeightSource,
): WeightTensor {
  const [rows = 0, ...rest] = shape;
  const stored = bind(place.name, [place.rows ?? rows, ...rest], source);
  const tensor = place.runs === undefined ? stored : rowsOf(stored, place.runs);
  const heads = rotaryHeads(of.weight, of.architecture);
  const { rope, headSize } = of.architecture;
  if (heads === undefined || rope === undefined || source.habits.rotaryRows === "halves") {
    return plain(tensor);
  }
  const rotarySize = 2 * rope.inverseFrequencies.length;
  return rotarySize === headSize
    ? deinterleavedWeight(tensor, typeOf(tensor), heads)
    : plain(rowsOf(tensor, joinRuns(deinterleavedRuns(rows, heads, rotarySize))));
}

/** How many heads a rotary weight's rows are; `undefined` for weights that are not turned. */
function rotaryHeads(weight: LayerWeight, architecture: Architecture): number | undefined {
  if (weight === "q" || weight === "qBias") return architecture.heads;
  return weight === "k" || weight === "kBias" ? architecture.kvHeads : undefined;
}

function isNorm(weight: LayerWeight): boolean {
  return weight.endsWith("Norm");
}

function offsetNorm(tensor: WeightTensor, { habits }: WeightSource): WeightTensor {
  return habits.normOffset === undefined ? tensor : plusConstant(tensor, habits.normOffset);
}

function bind(name: string, shape: readonly number[], source: WeightSource): StoredTensor {
  const tensor = source.tensors.get(name);
  if (tensor === undefined) throw tensorMissing({ file: source.file, tensor: name });
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
    const { file } = tensor;
    throw tensorShapeWrong({ file, tensor: name, expected: shape, got: tensor.shape });
  }
  typeOf(tensor);
  return tensor;
}

function plain(tensor: StoredTensor): WeightTensor {
  return storedWeight(tensor, typeOf(tensor));
}

function typeOf({ file, name, type }: StoredTensor): WeightTensor["type"] {
  if (isStorageType(type)) return type;
  const supported = Object.keys(STORAGE_FORMATS);
  throw tensorTypeUnsupported({ file, tensor: name, type, supported });
}
