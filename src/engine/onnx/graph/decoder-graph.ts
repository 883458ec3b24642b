/**
 * The instrumented decoder: one graph in which rows join at any block, every state can be read,
 * and every state can be overwritten. All token rows are one matrix `[rows × length, hidden]`.
 *
 *   h  = concat(h, join_l)                       rows that enter at block l
 *   h  = h + attention(norm(h))                  resid_mid
 *   h  = h + mlp(norm(h))                        resid_post
 *
 * Attention has two parts under one softmax: keys of the shared context (batch 1, one product for all rows)
 * and keys of the row itself. The shapes of reshaped values are fed in, because they differ by block:
 * see {@link shapesOf}. Blocks without rows compute nothing.
 */
import type { Architecture, LayerWeight, Weights } from "../../architecture.ts";
import type { Graph } from "./graph-builder.ts";
import { float, GraphBuilder, int, ints } from "./graph-builder.ts";
import type { LinearLayer, LinearWriter } from "./linear.ts";
import { stackFloat32 } from "./linear.ts";

/** Sites that the graph itself can write and read; `resid_pre` is the block before's `resid_post`. */
export const GRAPH_SITES = ["attn_out", "resid_mid", "mlp_out", "resid_post"] as const;
export type GraphSite = (typeof GRAPH_SITES)[number];

/** Ranks of the shapes that each block is fed, in their order. */
const SHAPE_RANKS = [3, 3, 2, 5, 4, 3, 4, 5, 2] as const;
export const SHAPE_WIDTH: number = SHAPE_RANKS.reduce((sum, rank) => sum + rank, 0);

/** The shapes for a block with `rows` rows: one line of the `shapes` input. */
export function shapesOf(
  a: Architecture,
  sizes: { readonly rows: number; readonly length: number; readonly context: number },
): number[] {
  const { rows, length, context } = sizes;
  const group = a.heads / a.kvHeads;
  return [
    ...[rows, length, a.heads * a.headSize], // queries for the rotary embedding
    ...[rows, length, a.kvHeads * a.headSize], // keys for the rotary embedding
    ...[rows, length], // position of each token
    ...[rows, length, a.kvHeads, group, a.headSize], // queries by head
    ...[rows, length, a.kvHeads, a.headSize], // keys and values by head
    ...[a.kvHeads, rows * group * length, a.headSize], // queries against the context
    ...[a.kvHeads, rows, group * length, a.headSize], // queries against the row itself
    ...[a.kvHeads, rows, group, length, context], // scores against the context
    ...[rows * length, a.heads * a.headSize], // heads together
  ];
}

/** Names of the inputs and outputs that exist once per block. */
export const blockName = {
  contextKeys: (layer: number): string => `context_k.${layer}`,
  contextValues: (layer: number): string => `context_v.${layer}`,
  pastKeys: (layer: number): string => `past_k.${layer}`,
  pastValues: (layer: number): string => `past_v.${layer}`,
  presentKeys: (layer: number): string => `present_k.${layer}`,
  presentValues: (layer: number): string => `present_v.${layer}`,
  site: (site: GraphSite, layer: number): string => `${site}.${layer}`,
};

export interface DecoderParts {
  readonly architecture: Architecture;
  readonly weights: Weights;
  readonly linear: LinearWriter;
}

/** Builds the graph of all blocks; embedding and read-out are not part of it. */
export function buildDecoder(parts: DecoderParts): Graph {
  const { layers, hiddenSize, kvHeads, headSize } = parts.architecture;
  const graph = new GraphBuilder("decoder");
  const join = graph.input("join", "float32", ["joining", hiddenSize]);
  const joinCounts = graph.input("join_counts", "int64", [layers]);
  const joins = graph.ops("Split", [join, joinCounts], layers, { attributes: { axis: int(0) } });
  const patches = patchInputs(graph, parts.architecture);
  const tapEnds = tapInputs(graph, parts.architecture);
  const outputs = new OptionalOutputs(graph);
  const shared = sharedInputs(graph, parts.architecture);
  let h = "";
  for (let layer = 0; layer < layers; layer++) {
    const joining = joins[layer] ?? "";
    h = layer === 0 ? joining : graph.op("Concat", [h, joining], { attributes: { axis: int(0) } });
    const block = new BlockWriter({ graph, parts, shared, patches, tapEnds, outputs, layer });
    h = block.write(h);
  }
  outputs.write();
  for (let layer = 0; layer < layers; layer++) {
    for (const site of GRAPH_SITES) {
      const name = blockName.site(site, layer);
      graph.output(name, "float32", [`tokens.${layer}`, hiddenSize]);
    }
    for (const name of [blockName.presentKeys(layer), blockName.presentValues(layer)]) {
      graph.output(name, "float32", [kvHeads, `rows.${layer}`, `present.${layer}`, headSize]);
    }
  }
  return graph.build();
}

interface SharedInputs {
  readonly shapes: string;
  readonly positions: string;
  readonly cos: string;
  readonly sin: string;
  readonly mask: string;
  readonly keySplit: string;
  readonly keptRows: string;
}

function sharedInputs(graph: GraphBuilder, a: Architecture): SharedInputs {
  return {
    shapes: graph.input("shapes", "int64", [a.layers, SHAPE_WIDTH]),
    positions: graph.input("positions", "int64", ["position_rows", "length"]),
    cos: graph.input("cos", "float32", ["angles", a.headSize / 2]),
    sin: graph.input("sin", "float32", ["angles", a.headSize / 2]),
    /** Added to the scores: 0 where a token may look, -inf where not. */
    mask: graph.input("mask", "float32", [1, "mask_rows", 1, "length", "keys"]),
    /** Sizes of the two parts of the keys: [context, past + length]. */
    keySplit: graph.input("key_split", "int64", [2]),
    /** Rows whose keys and values are put out: all, or none. */
    keptRows: graph.input("kept_rows", "int64", [1]),
  };
}

type PatchOf = (site: GraphSite, layer: number) => readonly [index: string, value: string];

/** All patches come in one pair of inputs, in the order of layers and sites, and are split here. */
function patchInputs(graph: GraphBuilder, a: Architecture): PatchOf {
  const count = a.layers * GRAPH_SITES.length;
  const index = graph.input("patch_index", "int64", ["patches", 1]);
  const value = graph.input("patch_value", "float32", ["patches", a.hiddenSize]);
  const counts = graph.input("patch_counts", "int64", [count]);
  const attributes = { axis: int(0) };
  const indices = graph.ops("Split", [index, counts], count, { attributes });
  const values = graph.ops("Split", [value, counts], count, { attributes });
  return (site, layer) => {
    const slot = slotOf(site, layer);
    return [indices[slot] ?? "", values[slot] ?? ""];
  };
}

type TapEnd = (site: GraphSite, layer: number) => string;

/**
 * How many token rows of each site are put out: none, unless somebody asks. (A graph's outputs stay in memory
 * until it has run, fetched or not.)
 */
function tapInputs(graph: GraphBuilder, a: Architecture): TapEnd {
  const count = a.layers * GRAPH_SITES.length;
  const counts = graph.input("tap_counts", "int64", [count]);
  const ends = graph.ops("Split", [counts], count, {
    attributes: { axis: int(0), num_outputs: int(count) },
  });
  return (site, layer) => ends[slotOf(site, layer)] ?? "";
}

/** A site's place in the inputs that have one entry for each. */
export function slotOf(site: GraphSite, layer: number): number {
  return layer * GRAPH_SITES.length + GRAPH_SITES.indexOf(site);
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

/**
 * Outputs of which all or nothing is wanted: the first `end` entries of an axis.
 * ONNX Runtime orders nodes from the last one without a reader upwards. So these are written behind everything else and
 * in reverse, the first block's last of all: else every output would be cut when all blocks are done, and all
 * states would be in memory until then.
 */
class OptionalOutputs {
  readonly #graph: GraphBuilder;
  readonly #entries: OptionalOutput[] = [];

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  add(entry: OptionalOutput): void {
    this.#entries.push(entry);
  }

  write(): void {
    const graph = this.#graph;
    for (const { name, value, end, axis } of this.#entries.toReversed()) {
      graph.op("Slice", [value, graph.int64([0]), end, graph.int64([axis])], { name });
    }
  }
}

interface OptionalOutput {
  readonly name: string;
  readonly value: string;
  readonly end: string;
  readonly axis: number;
}

/** Writes one block. */
class BlockWriter {
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
    const rotatedQ = this.#rotate(
      graph.op("Reshape", [q, shape.q], ALLOW_ZERO),
      positions,
      a.heads,
    );
    const rotatedK = this.#rotate(
      graph.op("Reshape", [k, shape.k], ALLOW_ZERO),
      positions,
      a.kvHeads,
    );
    // [kvHeads, rows, group, length, headSize]
    const queries = this.#byHead(rotatedQ, shape.qByHead, [2, 0, 3, 1, 4]);
    const keys = this.#append("keys", this.#byHead(rotatedK, shape.kvByHead, [2, 0, 1, 3]));
    const values = this.#append("values", this.#byHead(v, shape.kvByHead, [2, 0, 1, 3]));
    const mixed = this.#attend({ queries, keys, values, shape });
    return this.#linear(mixed, "o", ["o"], bias ? ["oBias"] : []);
  }

  /** Softmax over the context's keys and the row's own together. */
  #attend(parts: {
    readonly queries: string;
    readonly keys: string;
    readonly values: string;
    readonly shape: BlockShapes;
  }): string {
    const graph = this.#graph;
    const { headSize, attentionScale, kvHeads } = this.#parts.architecture;
    const { queries, keys, values, shape } = parts;
    const context = [kvHeads, "context", headSize];
    const contextKeys = graph.input(blockName.contextKeys(this.#layer), "float32", context);
    const contextValues = graph.input(blockName.contextValues(this.#layer), "float32", context);
    const scaled = graph.op("Mul", [queries, graph.float32(attentionScale)]);
    const forContext = graph.op("Reshape", [scaled, shape.qForContext], ALLOW_ZERO);
    const forRow = graph.op("Reshape", [scaled, shape.qForRow], ALLOW_ZERO);
    const contextScores = graph.op(
      "Reshape",
      [
        graph.op("MatMul", [forContext, graph.op("Transpose", [contextKeys], perm([0, 2, 1]))]),
        shape.contextScores,
      ],
      ALLOW_ZERO,
    );
    const rowScores = graph.op("MatMul", [
      forRow,
      graph.op("Transpose", [keys], perm([0, 1, 3, 2])),
    ]);
    const sizes = graph.op(
      "Concat",
      [
        graph.op("Shape", [queries], { attributes: { start: int(0), end: int(4) } }),
        graph.op("Shape", [keys], { attributes: { start: int(2), end: int(3) } }),
      ],
      { attributes: { axis: int(0) } },
    );
    const rowScores5 = graph.op("Reshape", [rowScores, sizes], ALLOW_ZERO);
    const scores = graph.op("Concat", [contextScores, rowScores5], {
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
    const onContext3 = this.#merge(onContext, shape.qForContext, contextKeys, 1, 2);
    const onRow4 = this.#merge(onRow, shape.qForRow, keys, 2, 3);
    const byHead = graph.op("Shape", [queries]);
    const fromContext = graph.op(
      "Reshape",
      [graph.op("MatMul", [onContext3, contextValues]), byHead],
      ALLOW_ZERO,
    );
    const fromRow = graph.op("Reshape", [graph.op("MatMul", [onRow4, values]), byHead], ALLOW_ZERO);
    const mixed = graph.op("Add", [fromContext, fromRow]);
    const rowsFirst = graph.op("Transpose", [mixed], perm([1, 3, 0, 2, 4]));
    return graph.op("Reshape", [rowsFirst, shape.merged], ALLOW_ZERO);
  }

  /** Reshapes scores to the rank of the queries that made them; the last size is the number of keys. */
  #merge(scores: string, queryShape: string, keys: string, keyAxis: number, rank: number): string {
    const graph = this.#graph;
    const leading = graph.op("Slice", [queryShape, graph.int64([0]), graph.int64([rank])]);
    const last = graph.op("Shape", [keys], {
      attributes: { start: int(keyAxis), end: int(keyAxis + 1) },
    });
    const shape = graph.op("Concat", [leading, last], { attributes: { axis: int(0) } });
    return graph.op("Reshape", [scores, shape], ALLOW_ZERO);
  }

  #byHead(x: string, shape: string, order: readonly number[]): string {
    const graph = this.#graph;
    return graph.op("Transpose", [graph.op("Reshape", [x, shape], ALLOW_ZERO)], perm(order));
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

  #shapes(): BlockShapes {
    const graph = this.#graph;
    const line = graph.op("Gather", [this.#shared.shapes, graph.int64(this.#layer)], {
      attributes: { axis: int(0) },
    });
    const [q, k, positions, qByHead, kvByHead, qForContext, qForRow, contextScores, merged] =
      graph.ops("Split", [line, graph.int64([...SHAPE_RANKS])], SHAPE_RANKS.length, {
        attributes: { axis: int(0) },
      });
    return {
      q: q ?? "",
      k: k ?? "",
      positions: positions ?? "",
      qByHead: qByHead ?? "",
      kvByHead: kvByHead ?? "",
      qForContext: qForContext ?? "",
      qForRow: qForRow ?? "",
      contextScores: contextScores ?? "",
      merged: merged ?? "",
    };
  }
}

interface BlockShapes {
  readonly q: string;
  readonly k: string;
  readonly positions: string;
  readonly qByHead: string;
  readonly kvByHead: string;
  readonly qForContext: string;
  readonly qForRow: string;
  readonly contextScores: string;
  readonly merged: string;
}

/** Zero sizes are meant: blocks that no row has reached yet are empty. */
const ALLOW_ZERO = { attributes: { allowzero: int(1) } } as const;

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
