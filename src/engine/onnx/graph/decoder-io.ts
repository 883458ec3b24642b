/**
 * The decoder graph's inputs and outputs: their names, the places that can be written and read, and the shapes
 * that differ from block to block. What both sides of the graph must agree on: who writes it and who feeds it.
 */
import type { Architecture, Rope } from "../../architecture.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { int } from "./graph-builder.ts";

/** Sites that the graph itself can write and read; `resid_pre` is the block before's `resid_post`. */
export const GRAPH_SITES = ["attn_out", "resid_mid", "mlp_out", "resid_post"] as const;
export type GraphSite = (typeof GRAPH_SITES)[number];

/** The sites that blocks of an architecture have: a parallel one has no state between attention and MLP. */
export function sitesOf({ block }: Architecture): readonly GraphSite[] {
  return GRAPH_SITES.filter((site) => site !== "resid_mid" || block === "sequential");
}

/** A site's place in the inputs that have one entry for each. */
export function slotOf(site: GraphSite, layer: number): number {
  return layer * GRAPH_SITES.length + GRAPH_SITES.indexOf(site);
}

/** What the graph can put out of a block's heads: the three projections together, each head's mixture, the probabilities. */
export const HEAD_OUTPUTS = ["qkv", "z", "pattern"] as const;
export type HeadOutput = (typeof HEAD_OUTPUTS)[number];
export type TapOutput = GraphSite | HeadOutput;

/** A head output's place in `head_counts`. */
export function headSlotOf(output: HeadOutput, layer: number): number {
  return layer * HEAD_OUTPUTS.length + HEAD_OUTPUTS.indexOf(output);
}

/** Shapes that differ from block to block, because rows join: fed in, with the rank of each. */
const BLOCK_SHAPES = {
  /** For the rotary embedding. */
  queries: 3,
  keys: 3,
  /** Position of each token. */
  positions: 2,
  queriesByHead: 5,
  keysByHead: 4,
  queriesForContext: 3,
  queriesForRow: 4,
  contextScores: 5,
  rowScores: 5,
  onContext: 3,
  onRow: 4,
  mixed: 5,
  /** All heads of a token together. */
  merged: 2,
} as const;
export type BlockShape = keyof typeof BLOCK_SHAPES;
export const BLOCK_SHAPE_NAMES: readonly BlockShape[] = Object.keys(BLOCK_SHAPES) as BlockShape[];
/** Fed rather than constant, see {@link encodeModel}. */
export const SHAPE_RANKS: readonly number[] = Object.values(BLOCK_SHAPES);
export const SHAPE_WIDTH: number = SHAPE_RANKS.reduce((sum, rank) => sum + rank, 0);

/** The shapes for a block with `rows` rows: one line of the `shapes` input. */
export function shapesOf(
  a: Architecture,
  sizes: {
    readonly rows: number;
    readonly length: number;
    /** Keys of the shared context, and of the row itself with the room behind its past. */
    readonly context: number;
    readonly own: number;
  },
): number[] {
  const { rows, length, context, own } = sizes;
  const { kvHeads, headSize } = a;
  const group = a.heads / kvHeads;
  const shapes: Record<BlockShape, readonly number[]> = {
    queries: [rows, length, a.heads * headSize],
    keys: [rows, length, kvHeads * headSize],
    positions: [rows, length],
    queriesByHead: [rows, length, kvHeads, group, headSize],
    keysByHead: [rows, length, kvHeads, headSize],
    queriesForContext: [kvHeads, rows * group * length, headSize],
    queriesForRow: [kvHeads, rows, group * length, headSize],
    contextScores: [kvHeads, rows, group, length, context],
    rowScores: [kvHeads, rows, group, length, own],
    onContext: [kvHeads, rows * group * length, context],
    onRow: [kvHeads, rows, group * length, own],
    mixed: [kvHeads, rows, group, length, headSize],
    merged: [rows * length, a.heads * headSize],
  };
  return BLOCK_SHAPE_NAMES.flatMap((name) => shapes[name]);
}

/** Names of the inputs and outputs that exist once per block. */
export const blockName = {
  contextKeys: (layer: number): string => `context_k.${layer}`,
  contextValues: (layer: number): string => `context_v.${layer}`,
  pastKeys: (layer: number): string => `past_k.${layer}`,
  pastValues: (layer: number): string => `past_v.${layer}`,
  /** Of the tokens of this call. */
  newKeys: (layer: number): string => `new_k.${layer}`,
  newValues: (layer: number): string => `new_v.${layer}`,
  /** Which of the past's rows each row has, and its whole keys and values behind this call: where they stay on the device. */
  pastRows: (layer: number): string => `past_rows.${layer}`,
  wholeKeys: (layer: number): string => `whole_k.${layer}`,
  wholeValues: (layer: number): string => `whole_v.${layer}`,
  /** Which of the angles each token of this call is turned by. */
  positions: (layer: number): string => `positions.${layer}`,
  /** Added to the scores: 0 where a token may look, -inf where not. */
  mask: (layer: number): string => `mask.${layer}`,
  tap: (output: TapOutput, layer: number): string => `${output}.${layer}`,
};

/** Names of cosines and sines of the positions: layers with a window may have their own. */
export const angleNames = {
  all: { cos: "cos", sin: "sin" },
  window: { cos: "window_cos", sin: "window_sin" },
} as const;

/** Cosines and sines that a layer turns its heads by; undefined where positions are learned. */
type Angles = { readonly cos: string; readonly sin: string } | undefined;

/** Values that all blocks use. */
export interface SharedInputs {
  readonly shapes: string;
  readonly shapeRanks: string;
  readonly anglesOf: (layer: number) => Angles;
  readonly keySplit: string;
  readonly keptRows: string;
  /** Rows whose keys and values are put out whole: all, or none; where they stay on the device. */
  readonly wholeRows: string | undefined;
}

/** The outputs that stay on the device. */
export function stayingOutputs(layers: number): readonly string[] {
  return Array.from({ length: layers }, (_, layer) => [
    blockName.wholeKeys(layer),
    blockName.wholeValues(layer),
  ]).flat();
}

export function sharedInputs(
  graph: GraphBuilder,
  a: Architecture,
  { staysOnDevice = false }: { readonly staysOnDevice?: boolean | undefined } = {},
): SharedInputs {
  const shapes = graph.input("shapes", "int64", [a.layers, SHAPE_WIDTH]);
  const all = angleInputs(graph, a.rope, angleNames.all);
  const { window } = a;
  const windowed = window?.rope ? angleInputs(graph, window.rope, angleNames.window) : all;
  return {
    shapes,
    shapeRanks: graph.input("shape_ranks", "int64", [SHAPE_RANKS.length]),
    anglesOf: (layer) => (window?.layers.has(layer) === true ? windowed : all),
    /** Sizes of the two parts of the keys: [context, past + length], room behind the past included. */
    keySplit: graph.input("key_split", "int64", [2]),
    /** Rows whose new keys and values are put out: all, or none. */
    keptRows: graph.input("kept_rows", "int64", [1]),
    wholeRows: staysOnDevice ? graph.input("whole_rows", "int64", [1]) : undefined,
  };
}

function angleInputs(
  graph: GraphBuilder,
  rope: Rope | undefined,
  names: { readonly cos: string; readonly sin: string },
): Angles {
  if (rope === undefined) return undefined;
  const pairs = rope.inverseFrequencies.length;
  return {
    cos: graph.input(names.cos, "float32", ["angles", pairs]),
    sin: graph.input(names.sin, "float32", ["angles", pairs]),
  };
}

/** The patches of one place: token rows, and the vectors written over them. */
export type PatchOf = (site: GraphSite, layer: number) => readonly [index: string, value: string];

/** All patches come in one pair of inputs, in the order of layers and sites, and are split here. */
export function patchInputs(graph: GraphBuilder, a: Architecture): PatchOf {
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

/** How many token rows of a place are put out. */
export type TapEnd = (site: GraphSite, layer: number) => string;

/**
 * How many token rows of each site are put out: none, unless somebody asks. (A graph's outputs stay in memory
 * until it has run, fetched or not.)
 */
export function tapInputs(graph: GraphBuilder, a: Architecture): TapEnd {
  const ends = countsInput(graph, "tap_counts", a.layers * GRAPH_SITES.length);
  return (site, layer) => ends[slotOf(site, layer)] ?? "";
}

/** How many token rows of a head output are put out; of `pattern` how many rows. */
export type HeadEnd = (output: HeadOutput, layer: number) => string;

/** As {@link tapInputs}, for graphs of which heads can be read. */
export function headInputs(graph: GraphBuilder, a: Architecture): HeadEnd {
  const ends = countsInput(graph, "head_counts", a.layers * HEAD_OUTPUTS.length);
  return (output, layer) => ends[headSlotOf(output, layer)] ?? "";
}

function countsInput(graph: GraphBuilder, name: string, count: number): readonly string[] {
  const counts = graph.input(name, "int64", [count]);
  return graph.ops("Split", [counts], count, {
    attributes: { axis: int(0), num_outputs: int(count) },
  });
}

/**
 * Outputs of which all or nothing is wanted: the first `end` entries of an axis.
 * ONNX Runtime orders nodes from the last one without a reader upwards. So these are written behind everything else and
 * in reverse, the first block's last of all: else every output would be cut when all blocks are done, and all
 * states would be in memory until then.
 */
export class OptionalOutputs {
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
