/** Writes one block of the decoder graph: attention and MLP, with every state in between open to be written and read. */
import type { Architecture, LayerWeight, Weights } from "../../architecture.ts";
import type {
  BlockShape,
  GraphSite,
  OptionalOutputs,
  PatchOf,
  SharedInputs,
  TapEnd,
} from "./decoder-io.ts";
import { BLOCK_SHAPE_NAMES, blockName } from "./decoder-io.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { float, int, ints } from "./graph-builder.ts";
import type { LinearLayer, LinearWriter } from "./linear.ts";
import { stackFloat32 } from "./linear.ts";

/** What a graph is built from. */
export interface DecoderParts {
  readonly architecture: Architecture;
  readonly weights: Weights;
  readonly linear: LinearWriter;
}

interface BlockContext {
  readonly graph: GraphBuilder;
  readonly parts: DecoderParts;
  readonly shared: SharedInputs;
  readonly patches: PatchOf;
  readonly tapEnds: TapEnd;
  readonly outputs: OptionalOutputs;
  readonly layer: number;
}

/** Writes one block. */
export class BlockWriter {
  readonly #graph: GraphBuilder;
  readonly #parts: DecoderParts;
  readonly #shared: SharedInputs;
  readonly #patches: PatchOf;
  readonly #tapEnds: TapEnd;
  readonly #outputs: OptionalOutputs;
  readonly #layer: number;

  constructor(context: BlockContext) {
    this.#graph = context.graph;
    this.#parts = context.parts;
    this.#shared = context.shared;
    this.#patches = context.patches;
    this.#tapEnds = context.tapEnds;
    this.#outputs = context.outputs;
    this.#layer = context.layer;
  }

  write(h: string): string {
    const attention = this.#site("attn_out", this.#attention(this.#norm(h, "attnNorm")));
    const middle = this.#site("resid_mid", this.#graph.op("Add", [h, attention]));
    const mlp = this.#site("mlp_out", this.#mlp(this.#norm(middle, "mlpNorm")));
    return this.#site("resid_post", this.#graph.op("Add", [middle, mlp]));
  }

  /** A place that can be overwritten and read. */
  #site(site: GraphSite, value: string): string {
    const graph = this.#graph;
    const [index, vector] = this.#patches(site, this.#layer);
    const written = graph.op("ScatterND", [value, index, vector]);
    const end = this.#tapEnds(site, this.#layer);
    this.#outputs.add({ name: blockName.site(site, this.#layer), value: written, end, axis: 0 });
    return written;
  }

  #norm(x: string, weight: LayerWeight): string {
    return rmsNorm(this.#graph, x, {
      name: `${this.#layer}.${weight}`,
      epsilon: this.#parts.architecture.normEpsilon,
      weight: this.#parts.weights.layer(this.#layer, weight),
    });
  }

  #linear(
    x: string,
    name: string,
    matrices: readonly LayerWeight[],
    biases: readonly LayerWeight[],
  ): string {
    const tensor = (weight: LayerWeight) => this.#parts.weights.layer(this.#layer, weight);
    const layer: LinearLayer = {
      name: `${this.#layer}.${name}`,
      matrices: matrices.map(tensor),
      biases: biases.map(tensor),
    };
    return this.#parts.linear(this.#graph, x, layer);
  }

  #mlp(x: string): string {
    const graph = this.#graph;
    const { mlp } = this.#parts.architecture.biases;
    const gate = this.#linear(x, "gate", ["gate"], mlp ? ["gateBias"] : []);
    const up = this.#linear(x, "up", ["up"], mlp ? ["upBias"] : []);
    const activated = graph.op("Mul", [gate, graph.op("Sigmoid", [gate])]);
    const product = graph.op("Mul", [activated, up]);
    return this.#linear(product, "down", ["down"], mlp ? ["downBias"] : []);
  }

  #attention(x: string): string {
    const graph = this.#graph;
    const a = this.#parts.architecture;
    const shape = this.#shapes();
    const bias = a.biases.attention;
    const qkv = this.#linear(x, "qkv", ["q", "k", "v"], bias ? ["qBias", "kBias", "vBias"] : []);
    const kvWidth = a.kvHeads * a.headSize;
    const [q = "", k = "", v = ""] = graph.ops(
      "Split",
      [qkv, graph.int64([a.heads * a.headSize, kvWidth, kvWidth])],
      3,
      { attributes: { axis: int(1) } },
    );
    const positions = graph.op("Expand", [this.#shared.positions, shape.positions]);
    const rotatedQ = this.#rotate(this.#reshape(q, shape.queries), positions, a.heads);
    const rotatedK = this.#rotate(this.#reshape(k, shape.keys), positions, a.kvHeads);
    // [kvHeads, rows, group, length, headSize]
    const queries = this.#byHead(rotatedQ, shape.queriesByHead, [2, 0, 3, 1, 4]);
    const keys = this.#append("keys", this.#byHead(rotatedK, shape.keysByHead, [2, 0, 1, 3]));
    const values = this.#append("values", this.#byHead(v, shape.keysByHead, [2, 0, 1, 3]));
    const mixed = this.#attend({ queries, keys, values, shape });
    return this.#linear(mixed, "o", ["o"], bias ? ["oBias"] : []);
  }

  /** Softmax over the context's keys and the row's own together. */
  #attend(parts: {
    readonly queries: string;
    readonly keys: string;
    readonly values: string;
    readonly shape: Readonly<Record<BlockShape, string>>;
  }): string {
    const graph = this.#graph;
    const { headSize, attentionScale, kvHeads } = this.#parts.architecture;
    const { queries, keys, values, shape } = parts;
    const context = [kvHeads, "context", headSize];
    const contextKeys = graph.input(blockName.contextKeys(this.#layer), "float32", context);
    const contextValues = graph.input(blockName.contextValues(this.#layer), "float32", context);
    const scaled = graph.op("Mul", [queries, graph.float32(attentionScale)]);
    const forContext = this.#reshape(scaled, shape.queriesForContext);
    const forRow = this.#reshape(scaled, shape.queriesForRow);
    const contextScores = this.#reshape(
      graph.op("MatMul", [forContext, graph.op("Transpose", [contextKeys], perm([0, 2, 1]))]),
      shape.contextScores,
    );
    const rowScores = this.#reshape(
      graph.op("MatMul", [forRow, graph.op("Transpose", [keys], perm([0, 1, 3, 2]))]),
      shape.rowScores,
    );
    const scores = graph.op("Concat", [contextScores, rowScores], {
      attributes: { axis: int(-1) },
    });
    const probabilities = graph.op("Softmax", [graph.op("Add", [scores, this.#shared.mask])], {
      attributes: { axis: int(-1) },
    });
    const [onContext = "", onRow = ""] = graph.ops(
      "Split",
      [probabilities, this.#shared.keySplit],
      2,
      { attributes: { axis: int(-1) } },
    );
    const fromContext = graph.op("MatMul", [
      this.#reshape(onContext, shape.onContext),
      contextValues,
    ]);
    const fromRow = graph.op("MatMul", [this.#reshape(onRow, shape.onRow), values]);
    const mixed = graph.op("Add", [
      this.#reshape(fromContext, shape.mixed),
      this.#reshape(fromRow, shape.mixed),
    ]);
    const rowsFirst = graph.op("Transpose", [mixed], perm([1, 3, 0, 2, 4]));
    return this.#reshape(rowsFirst, shape.merged);
  }

  /** Zero sizes are meant: blocks that no row has reached yet are empty. */
  #reshape(x: string, shape: string): string {
    return this.#graph.op("Reshape", [x, shape], { attributes: { allowzero: int(1) } });
  }

  #byHead(x: string, shape: string, order: readonly number[]): string {
    const graph = this.#graph;
    return graph.op("Transpose", [this.#reshape(x, shape)], perm(order));
  }

  #rotate(x: string, positions: string, heads: number): string {
    return this.#graph.op("RotaryEmbedding", [x, this.#shared.cos, this.#shared.sin, positions], {
      attributes: { num_heads: int(heads) },
    });
  }

  /** The row's earlier keys or values with the new ones behind them: an output, so that the next step can use it. */
  #append(kind: "keys" | "values", fresh: string): string {
    const { kvHeads, headSize } = this.#parts.architecture;
    const [past, present] =
      kind === "keys"
        ? [blockName.pastKeys(this.#layer), blockName.presentKeys(this.#layer)]
        : [blockName.pastValues(this.#layer), blockName.presentValues(this.#layer)];
    this.#graph.input(past, "float32", [kvHeads, `rows.${this.#layer}`, "past", headSize]);
    const all = this.#graph.op("Concat", [past, fresh], { attributes: { axis: int(2) } });
    this.#outputs.add({ name: present, value: all, end: this.#shared.keptRows, axis: 1 });
    return all;
  }

  #shapes(): Readonly<Record<BlockShape, string>> {
    const graph = this.#graph;
    const { shapes, shapeRanks } = this.#shared;
    const attributes = { axis: int(0) };
    const line = graph.op("Gather", [shapes, graph.int64(this.#layer)], { attributes });
    const values = graph.ops("Split", [line, shapeRanks], BLOCK_SHAPE_NAMES.length, { attributes });
    return Object.fromEntries(
      BLOCK_SHAPE_NAMES.map((name, index) => [name, values[index] ?? ""]),
    ) as Record<BlockShape, string>;
  }
}

function perm(order: readonly number[]) {
  return { attributes: { perm: ints(order) } };
}

/** Root mean square norm (ONNX RMSNormalization). */
export function rmsNorm(
  graph: GraphBuilder,
  x: string,
  options: {
    readonly name: string;
    readonly epsilon: number;
    readonly weight: Weights["finalNorm"];
  },
): string {
  const weight = graph.weight(`${options.name}.weight`, "float32", options.weight.shape, () =>
    stackFloat32([options.weight]),
  );
  return graph.op("RMSNormalization", [x, weight], {
    attributes: { epsilon: float(options.epsilon), axis: int(-1) },
  });
}
