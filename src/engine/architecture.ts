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
  readonly norm: NormSettings;
  readonly block: BlockKind;
  /** Queries and keys are normalised before they are turned: each head, or all of a projection at once. */
  readonly qkNorm: "head" | "projection" | undefined;
  /** `gated`: down(activation(gate(x)) · up(x)); `plain`: down(activation(up(x))). */
  readonly mlp: "gated" | "plain";
  readonly activation: Activation;
  /** Without it positions are learned: a vector for each is added to the embedding. */
  readonly rope: Rope | undefined;
  /**
   * Which numbers of a head the model's own code turns together. Engines work on halves, see {@link Rope}; what is read
   * of queries and keys is in the model's own order.
   */
  readonly rotaryPairs: "halves" | "neighbours";
  readonly window: SlidingWindow | undefined;
  /** Factor of the attention scores, usually 1/sqrt(headSize). */
  readonly attentionScale: number;
  /** Scores become cap · tanh(score / cap). */
  readonly scoreCap: number | undefined;
  /** Factor of the token embeddings. */
  readonly embeddingScale: number;
  /** Factor of what attention and MLP add to the residual stream. */
  readonly residualScale: number;
  /** Factor of the logits, before their cap. */
  readonly logitScale: number;
  /** Logits become cap · tanh(logit / cap). */
  readonly logitCap: number | undefined;
  readonly tiedHead: boolean;
  readonly biases: Biases;
}

/** Layer norms have a bias, root mean square norms have none. */
export interface NormSettings {
  readonly kind: "rms" | "layer-norm";
  readonly epsilon: number;
  /** Where a sub-layer has norms: before it reads, behind what it puts out, or both. */
  readonly placement: "pre" | "post" | "both";
}

/**
 * How attention and MLP stand to each other. `sequential`: the MLP reads what attention added. `parallel`: both read
 * the block's input, each through a norm of its own; `parallel-one-norm`: both through the same one.
 */
export type BlockKind = "sequential" | "parallel" | "parallel-one-norm";

/** `gelu-tanh` is the approximation that is also called gelu_new and gelu_pytorch_tanh. */
export type Activation = "silu" | "gelu" | "gelu-tanh" | "relu";

/** Projections that add a bias. */
export interface Biases {
  readonly qkv: boolean;
  readonly o: boolean;
  readonly mlp: boolean;
  readonly head: boolean;
}

/** Some layers look no further back than some tokens. */
export interface SlidingWindow {
  /** How many tokens are seen, the reading one included. */
  readonly size: number;
  /** The layers, counted from 0. */
  readonly layers: ReadonlySet<number>;
  /** Their own rotary embedding, where it is not the model's. */
  readonly rope: Rope | undefined;
}

/**
 * Rotary position embedding over the first and second half of a head's first `2 · pairs` numbers ("rotate half");
 * what is behind them is not turned.
 */
export interface Rope {
  /** Angle per position of each pair, `[pairs]`, scaling included. */
  readonly inverseFrequencies: Float64Array;
  /** Multiplies cos and sin (longrope, yarn); 1 otherwise. */
  readonly attentionFactor: number;
  /** Other angles for passes that reach beyond a length (longrope). */
  readonly beyond?: { readonly length: number; readonly inverseFrequencies: Float64Array };
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
  /** Writes `count` rows from row `from` on as float32 and reads no more of the file; absent where rows cannot be read alone. */
  readonly rows?: (from: number, count: number, out: Float32Array) => Promise<void>;
  /** Reads the stored bytes once, and dequantises single rows from then on. */
  rowReader(): Promise<RowReader>;
}

/** Writes a matrix's row as float32 from `out[offset]` on. */
export type RowReader = (row: number, out: Float32Array, offset: number) => void;

/** A layer's weights, by what they do. */
export type LayerWeight =
  | "attnNorm"
  | "attnNormBias"
  | "q"
  | "k"
  | "v"
  | "o"
  | "qBias"
  | "kBias"
  | "vBias"
  | "oBias"
  | "qNorm"
  | "kNorm"
  | "attnPostNorm"
  | "attnPostNormBias"
  | "mlpNorm"
  | "mlpNormBias"
  | "gate"
  | "up"
  | "down"
  | "gateBias"
  | "upBias"
  | "downBias"
  | "mlpPostNorm"
  | "mlpPostNormBias";

/** All weights of a model, by what they do. Throws `model-unreadable` when one is missing or of a wrong shape. */
export interface Weights {
  layer(layer: number, weight: LayerWeight): WeightTensor;
  /** `[vocab, hidden]` */
  readonly embedding: WeightTensor;
  /** `[maxPositions, hidden]`, where positions are learned. */
  readonly positions: WeightTensor | undefined;
  readonly finalNorm: WeightTensor;
  readonly finalNormBias: WeightTensor | undefined;
  /** `[vocab, hidden]`; the embedding itself where they are tied. */
  readonly head: WeightTensor;
  readonly headBias: WeightTensor | undefined;
}

/** A model as engines take it. */
export interface ModelDefinition {
  readonly architecture: Architecture;
  readonly weights: Weights;
}
