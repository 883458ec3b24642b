/** Writes one block of the decoder graph: attention and MLP, with every state in between open to be written and read. */
import type {
  BlockShape,
  GraphSite,
  HeadEnd,
  HeadOutput,
  OptionalOutputs,
  PatchOf,
  SharedInputs,
  TapEnd,
} from "./decoder-io.ts";
import { BLOCK_SHAPE_NAMES, blockName } from "./decoder-io.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { type Attribute, int, ints } from "./graph-builder.ts";
import type { DecoderParts, LayerWriter } from "./layer-writer.ts";
import { writeCap } from "./norm.ts";

interface BlockContext {
  readonly graph: GraphBuilder;
  readonly parts: DecoderParts;
  readonly weights: LayerWriter;
  readonly shared: SharedInputs;
  readonly patches: PatchOf;
  readonly tapEnds: TapEnd;
  /** In graphs of which heads can be read. */
  readonly headEnds: HeadEnd | undefined;
  readonly outputs: OptionalOutputs;
  readonly layer: number;
}

/** Writes one block. */
export class BlockWriter {
  readonly #graph: GraphBuilder;
  readonly #parts: DecoderParts;
  readonly #weights: LayerWriter;
  readonly #shared: SharedInputs;
  readonly #patches: PatchOf;
  readonly #tapEnds: TapEnd;
  readonly #headEnds: HeadEnd | undefined;
  readonly #outputs: OptionalOutputs;
  readonly #layer: number;
  /** Where keys and values stay on the device: which of the past's each row has. */
  readonly #pastRows: string | undefined;

  constructor(context: BlockContext) {
    this.#graph = context.graph;
    this.#parts = context.parts;
    this.#weights = context.weights;
    this.#shared = context.shared;
    this.#patches = context.patches;
    this.#tapEnds = context.tapEnds;
    this.#headEnds = context.headEnds;
    this.#outputs = context.outputs;
    this.#layer = context.layer;
    const { graph, shared, layer } = context;
    this.#pastRows =
      shared.wholeRows && graph.input(blockName.pastRows(layer), "int32", [`rows.${layer}`]);
  }

  write(h: string): string {
    const weights = this.#weights;
    const normed = weights.norm(h, "attnNorm", "attnNormBias");
    const attended = weights.norm(this.#attention(normed), "attnPostNorm", "attnPostNormBias");
    const attention = this.#site("attn_out", this.#scaled(attended));
    const added = this.#graph.op("Add", [h, attention]);
    const { block } = this.#parts.architecture;
    const middle = block === "sequential" ? this.#site("resid_mid", added) : added;
    const read = block === "sequential" ? middle : h;
    const toMlp =
      block === "parallel-one-norm" ? normed : weights.norm(read, "mlpNorm", "mlpNormBias");
    const computed = weights.norm(weights.mlp(toMlp), "mlpPostNorm", "mlpPostNormBias");
    const mlp = this.#site("mlp_out", this.#scaled(computed));
    return this.#site("resid_post", this.#graph.op("Add", [middle, mlp]));
  }

  /** What is added to the residual stream, times its factor where it has one. */
  #scaled(x: string): string {
    const { residualScale } = this.#parts.architecture;
    return residualScale === 1 ? x : this.#graph.op("Mul", [x, this.#graph.float32(residualScale)]);
  }

  /** A place that can be overwritten and read. */
  #site(site: GraphSite, value: string): string {
    const graph = this.#graph;
    const [index, vector] = this.#patches(site, this.#layer);
    const written = graph.op("ScatterND", [value, index, vector]);
    const end = this.#tapEnds(site, this.#layer);
    this.#outputs.add({ name: blockName.tap(site, this.#layer), value: written, end, axis: 0 });
    return written;
  }

  /** A value of all heads that can be read, where heads can: all or nothing along an axis. */
  #ofHeads(output: HeadOutput, value: string, axis: number): string {
    const end = this.#headEnds?.(output, this.#layer);
    if (end !== undefined) {
      this.#outputs.add({ name: blockName.tap(output, this.#layer), value, end, axis });
    }
    return value;
  }

  #attention(x: string): string {
    const graph = this.#graph;
    const a = this.#parts.architecture;
    const shape = this.#shapes();
    const qkv = this.#ofHeads("qkv", this.#weights.linear(x, "qkv", ["q", "k", "v"]), 0);
    const kvWidth = a.kvHeads * a.headSize;
    const [q = "", k = "", v = ""] = graph.ops(
      "Split",
      [qkv, graph.int64([a.heads * a.headSize, kvWidth, kvWidth])],
      3,
      { attributes: { axis: int(1) } },
    );
    const turned = this.#turn({ q, k, shape });
    // [kvHeads, rows, group, length, headSize]
    const queries = this.#byHead(turned.q, shape.queriesByHead, [2, 0, 3, 1, 4]);
    const keys = this.#append("keys", this.#byHead(turned.k, shape.keysByHead, [2, 0, 1, 3]));
    const values = this.#append("values", this.#byHead(v, shape.keysByHead, [2, 0, 1, 3]));
    const mixed = this.#ofHeads("z", this.#attend({ queries, keys, values, shape }), 0);
    return this.#weights.linear(mixed, "o", ["o"]);
  }

  /** Queries and keys normalised and turned to their positions, as far as the architecture does that. */
  #turn({
    q,
    k,
    shape,
  }: {
    readonly q: string;
    readonly k: string;
    readonly shape: Readonly<Record<BlockShape, string>>;
  }): {
    readonly q: string;
    readonly k: string;
  } {
    const graph = this.#graph;
    const { heads, kvHeads } = this.#parts.architecture;
    const angles = this.#shared.anglesOf(this.#layer);
    const queries = this.#headNorm(q, "qNorm");
    const keys = this.#headNorm(k, "kNorm");
    if (angles === undefined) return { q: queries, k: keys };
    const ofTokens = graph.input(blockName.positions(this.#layer), "int64", POSITIONS_SHAPE);
    const positions = graph.op("Expand", [ofTokens, shape.positions]);
    const rotate = (x: string, to: string, count: number): string => {
      const heads3 = this.#reshape(x, to);
      return graph.op("RotaryEmbedding", [heads3, angles.cos, angles.sin, positions], {
        attributes: { num_heads: int(count), ...this.#turnedPart() },
      });
    };
    return { q: rotate(queries, shape.queries, heads), k: rotate(keys, shape.keys, kvHeads) };
  }

  /** How much of each head is turned, where that is not all of it. */
  #turnedPart(): Readonly<Record<string, Attribute>> {
    const { rope, headSize } = this.#parts.architecture;
    const size = 2 * (rope?.inverseFrequencies.length ?? 0);
    return size === headSize ? {} : { rotary_embedding_dim: int(size) };
  }

  #headNorm(x: string, weight: "qNorm" | "kNorm"): string {
    const { qkNorm, headSize } = this.#parts.architecture;
    if (qkNorm !== "head") return this.#weights.norm(x, weight);
    const heads = this.#graph.op("Reshape", [x, this.#graph.int64([-1, headSize])]);
    return this.#weights.norm(heads, weight);
  }

  /** Softmax over the context's keys and the row's own together. */
  #attend(parts: {
    readonly queries: string;
    readonly keys: string;
    readonly values: string;
    readonly shape: Readonly<Record<BlockShape, string>>;
  }): string {
    const graph = this.#graph;
    const { headSize, scoreCap, kvHeads } = this.#parts.architecture;
    const { queries, keys, values, shape } = parts;
    const context = [kvHeads, "context", headSize];
    const contextKeys = graph.input(blockName.contextKeys(this.#layer), "float32", context);
    const contextValues = graph.input(blockName.contextValues(this.#layer), "float32", context);
    const forContext = this.#reshape(queries, shape.queriesForContext);
    const forRow = this.#reshape(queries, shape.queriesForRow);
    const contextScores = this.#reshape(
      this.#scores(forContext, graph.op("Transpose", [contextKeys], perm([0, 2, 1]))),
      shape.contextScores,
    );
    const rowScores = this.#reshape(
      this.#scores(forRow, graph.op("Transpose", [keys], perm([0, 1, 3, 2]))),
      shape.rowScores,
    );
    const joined = graph.op("Concat", [contextScores, rowScores], {
      attributes: { axis: int(-1) },
    });
    const scores = scoreCap === undefined ? joined : writeCap(graph, joined, scoreCap);
    const mask = graph.input(blockName.mask(this.#layer), "float32", MASK_SHAPE);
    const probabilities = graph.op("Softmax", [graph.op("Add", [scores, mask])], {
      attributes: { axis: int(-1) },
    });
    this.#ofHeads("pattern", probabilities, 1);
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

  /** The factor stands behind the product, where ONNX Runtime makes it and the transposition part of the product. */
  #scores(queries: string, turnedKeys: string): string {
    const graph = this.#graph;
    const { attentionScale, scoreCap } = this.#parts.architecture;
    const product = graph.op("MatMul", [queries, turnedKeys]);
    return graph.op("Mul", [product, graph.float32(attentionScale / (scoreCap ?? 1))]);
  }

  /** Zero sizes are meant: blocks that no row has reached yet are empty. */
  #reshape(x: string, shape: string): string {
    return this.#graph.op("Reshape", [x, shape], { attributes: { allowzero: int(1) } });
  }

  #byHead(x: string, shape: string, order: readonly number[]): string {
    const graph = this.#graph;
    return graph.op("Transpose", [this.#reshape(x, shape)], perm(order));
  }

  /**
   * The row's earlier keys or values with the new ones behind them. The new ones are an output: the next step's past. Where
   * they stay on the device, all of them are, and the past is picked by row.
   */
  #append(kind: "keys" | "values", fresh: string): string {
    const { kvHeads, headSize } = this.#parts.architecture;
    const graph = this.#graph;
    const layer = this.#layer;
    const [pastName, name, whole] =
      kind === "keys"
        ? [blockName.pastKeys(layer), blockName.newKeys(layer), blockName.wholeKeys(layer)]
        : [blockName.pastValues(layer), blockName.newValues(layer), blockName.wholeValues(layer)];
    const past = graph.input(pastName, "float32", [kvHeads, `rows.${layer}`, "past", headSize]);
    this.#outputs.add({ name, value: fresh, end: this.#shared.keptRows, axis: 1 });
    const { wholeRows } = this.#shared;
    if (wholeRows === undefined || this.#pastRows === undefined) {
      return graph.op("Concat", [past, fresh], { attributes: { axis: int(2) } });
    }
    const picked = graph.op("Gather", [past, this.#pastRows], { attributes: { axis: int(1) } });
    const all = graph.op("Concat", [picked, fresh], { attributes: { axis: int(2) } });
    this.#outputs.add({ name: whole, value: all, end: wholeRows, axis: 1 });
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

// One input a layer, so that edges can be blocked in some; of one row where all rows see the same.
const MASK_SHAPE = [1, "mask_rows", 1, "length", "keys"];

// One input a layer as well: of one row where all rows are at the same positions.
const POSITIONS_SHAPE = ["position_rows", "length"];

function perm(order: readonly number[]) {
  return { attributes: { perm: ints(order) } };
}
