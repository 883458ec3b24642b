/**
 * What an engine must know of a decoder to run it: declared by a model family, never guessed by an engine.
 * Axis names used everywhere: layers, positions, hidden, heads, kvHeads, headSize, vocab.
 */

export interface Architecture {
  /** The family that declared this, e.g. `llama`; for messages only. */
  readonly family: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  /** Key/value heads; divides `heads`. */
  readonly kvHeads: number;
  readonly headSize: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  /** The longest text that the model was made for, in tokens. */
  readonly maxPositions: number;
  readonly normEpsilon: number;
  readonly activation: "silu";
  readonly rope: Rope;
  /** Factor of the attention scores, usually 1/sqrt(headSize). */
  readonly attentionScale: number;
  readonly tiedHead: boolean;
  readonly biases: { readonly attention: boolean; readonly mlp: boolean };
}

/** Rotary position embedding over the first and second half of a head ("rotate half"). */
export interface Rope {
  /** Angle per position of each pair, `[headSize / 2]`, scaling included. */
  readonly inverseFrequencies: Float64Array;
  /** Multiplies cos and sin (longrope, yarn); 1 otherwise. */
  readonly attentionFactor: number;
}

/** How a tensor's numbers are stored. Names as GGUF spells them. */
export type StorageType =
  | "F32"
  | "F16"
  | "BF16"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q2_K"
  | "Q3_K"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K"
  | "IQ4_NL"
  | "IQ4_XS";

/**
 * A stored weight, read on demand. Matrices are `[outputs, inputs]`, row by row, as checkpoints keep
 * them; rotary rows are in the order of {@link Rope} whatever the file's order is.
 */
export interface WeightTensor {
  readonly type: StorageType;
  /** `[outputs, inputs]` or `[size]`. */
  readonly shape: readonly number[];
  /** The stored bytes of all rows. Reads the file each time. */
  bytes(): Promise<Uint8Array>;
  /** Writes all numbers as float32, exactly as the reference dequantises them, from `out[offset]` on. */
  dequantize(out: Float32Array, offset?: number): Promise<void>;
  /** Reads the stored bytes once, and dequantises single rows from then on. */
  rowReader(): Promise<RowReader>;
}

/** Writes a matrix's row as float32 from `out[offset]` on. */
export type RowReader = (row: number, out: Float32Array, offset: number) => void;

/** A layer's weights, by what they do. */
export type LayerWeight =
  | "attnNorm"
  | "q"
  | "k"
  | "v"
  | "o"
  | "qBias"
  | "kBias"
  | "vBias"
  | "oBias"
  | "mlpNorm"
  | "gate"
  | "up"
  | "down"
  | "gateBias"
  | "upBias"
  | "downBias";

/** All weights of a model, by what they do. Throws `model-unreadable` when one is missing or of a wrong shape. */
export interface Weights {
  layer(layer: number, weight: LayerWeight): WeightTensor;
  /** `[vocab, hidden]` */
  readonly embedding: WeightTensor;
  readonly finalNorm: WeightTensor;
  /** `[vocab, hidden]`; the embedding itself where they are tied. */
  readonly head: WeightTensor;
}

/** A model as engines take it. */
export interface ModelDefinition {
  readonly architecture: Architecture;
  readonly weights: Weights;
}
