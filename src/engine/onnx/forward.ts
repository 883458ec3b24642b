/**
 * One call of the decoder graph: what it is fed and what it puts out. Rows, patches and taps as the port says them
 * become the graph's inputs here; running the session and keeping caches is left to the engine.
 */
import type { Architecture } from "../architecture.ts";
import { enteredBy, entryOf } from "../engine.ts";
import type { Edge, Patch, PrefillPass, Tap } from "../engine.ts";
import {
  blockName,
  GRAPH_SITES,
  HEAD_OUTPUTS,
  headSlotOf,
  SHAPE_RANKS,
  SHAPE_WIDTH,
  shapesOf,
  slotOf,
  stayingOutputs,
} from "./graph/decoder-io.ts";
import { firstRows } from "./alike.ts";
import { maskFeeds } from "./mask-feeds.ts";
import { positionFeeds } from "./position-feeds.ts";
import type { GraphSite, HeadOutput } from "./graph/decoder-io.ts";
import type { BlockKv, SharedContext } from "./onnx-cache.ts";
import { missing } from "./onnx-cache.ts";
import type { Ragged } from "./ragged.ts";
import type { Feeds, Runtime, RuntimeTensor } from "./runtime.ts";

/** One call of the decoder: rows with their states, and what stands before them. */
export interface Forward {
  /** Entry block of each row, ascending. */
  readonly entries: readonly number[];
  /**
   * The rows of each block by their places in the block before, of the first by nothing; without it all go on as they are.
   * Only where all rows enter at the first.
   */
  readonly goOn?: readonly (readonly number[])[] | undefined;
  readonly length: number;
  /** `[rows × length, hidden]`, all rows that enter any block. */
  readonly join: Float32Array;
  readonly context: SharedContext;
  /** Tokens at the context's beginning that nobody sees; none unless said. */
  readonly unseen?: number;
  /** Tokens of each row before these, and how many the past has room for. */
  readonly ownLength: number;
  readonly room: number;
  readonly past: (layer: number, rows: number) => BlockKv;
  /** Which of the past's rows each row of a block has; each its own unless said. */
  readonly pastRows?: ((layer: number) => readonly number[]) | undefined;
  /** Where rows differ in their positions. */
  readonly ragged?: Ragged | undefined;
  readonly patches: readonly GraphPatch[];
  readonly blocked: readonly Edge[];
  readonly needs: Needs;
  /** Whether heads can be read of this graph. */
  readonly heads: boolean;
}

interface GraphPatch {
  /** Layer and site, in the graph's order. */
  readonly slot: number;
  /** Token row of `[rows × length]`. */
  readonly index: number;
  readonly vector: Float32Array;
}

/** What a call of the decoder puts out. */
export interface Needs {
  readonly taps: readonly Tap[];
  /** The last block's output, for the read-out. */
  readonly final: boolean;
  /** Keys and values: of this call's tokens, or also of all before, which stay on the device. */
  readonly cache: "none" | "fresh" | "whole";
}

/** Everything that the decoder graph is fed for one call. */
export function feedsOf(forward: Forward, architecture: Architecture, runtime: Runtime): Feeds {
  const { layers, hiddenSize } = architecture;
  const { length, context, ownLength, room, unseen = 0, ragged, blocked } = forward;
  const joinCounts = Array.from({ length: layers }, () => 0);
  for (const entry of forward.entries) {
    if (entry < layers) {
      joinCounts[entry] = (joinCounts[entry] ?? 0) + 1;
    }
  }
  const rowsAt = rowsByBlock(forward, layers);
  const shapes: number[] = [];
  const feeds: Record<string, RuntimeTensor> = {};
  for (const [layer, rows] of rowsAt.entries()) {
    shapes.push(
      ...shapesOf(architecture, { rows, length, context: context.length, own: room + length }),
    );
    const shared = context.blocks[layer] ?? missing();
    const past = forward.past(layer, rows);
    feeds[blockName.contextKeys(layer)] = shared.keys;
    feeds[blockName.contextValues(layer)] = shared.values;
    feeds[blockName.pastKeys(layer)] = past.keys;
    feeds[blockName.pastValues(layer)] = past.values;
    if (runtime.memory !== undefined) {
      const own = forward.pastRows?.(layer) ?? firstRows(rows);
      feeds[blockName.pastRows(layer)] = runtime.int32(own, [own.length]);
    }
  }
  const seen = context.length - unseen;
  const span = { first: seen + ownLength, length };
  return {
    ...feeds,
    ...patchFeeds(forward.patches, architecture, runtime),
    ...outputFeeds(forward, rowsAt, architecture, runtime),
    ...goOnFeeds(forward, rowsAt, runtime),
    join: runtime.float32(forward.join, [forward.join.length / hiddenSize, hiddenSize]),
    join_counts: runtime.int64(
      joinCounts.map((count) => count * length),
      [layers],
    ),
    shapes: runtime.int64(shapes, [layers, SHAPE_WIDTH]),
    shape_ranks: runtime.int64(SHAPE_RANKS, [SHAPE_RANKS.length]),
    ...positionFeeds({ ...span, ragged }, architecture, runtime),
    ...maskFeeds(
      {
        ...span,
        unseen,
        unused: room - ownLength,
        rows: rowsAt,
        blocked,
        ragged: ragged && { ...ragged, context: seen },
      },
      architecture,
      runtime,
    ),
    key_split: runtime.int64([context.length, room + length], [2]),
  };
}

/** How many rows each block has. */
export function rowsByBlock({ entries, goOn }: Forward, layers: number): readonly number[] {
  return Array.from(
    { length: layers },
    (_, layer) => goOn?.[layer]?.length ?? enteredBy(layer, entries),
  );
}

/** Which tokens of the block before each block goes on with, before any rows that enter there. */
function goOnFeeds({ goOn, length }: Forward, rowsAt: readonly number[], runtime: Runtime): Feeds {
  const tokens: number[] = [];
  const counts = rowsAt.map((_, layer) => {
    const before = Array.from({ length: rowsAt[layer - 1] ?? 0 }, (_, row) => row);
    const rows = layer === 0 ? [] : (goOn?.[layer] ?? before);
    for (const row of rows) {
      for (let offset = 0; offset < length; offset++) tokens.push(row * length + offset);
    }
    return rows.length * length;
  });
  return {
    go_on: runtime.int32(tokens, [tokens.length]),
    go_on_counts: runtime.int64(counts, [counts.length]),
  };
}

/** How much of each output is wanted: all or nothing. */
function outputFeeds(
  { needs, length, heads }: Forward,
  rowsAt: readonly number[],
  architecture: Architecture,
  runtime: Runtime,
): Feeds {
  const { layers } = architecture;
  const ofSites = Array.from({ length: layers * GRAPH_SITES.length }, () => 0);
  const ofHeads = Array.from({ length: layers * HEAD_OUTPUTS.length }, () => 0);
  const rows = Math.max(...rowsAt);
  for (const { output, layer } of neededOutputs(needs, layers)) {
    if (isOfHeads(output)) {
      ofHeads[headSlotOf(output, layer)] = output === "pattern" ? rows : rows * length;
    } else {
      ofSites[slotOf(output, layer)] = rows * length;
    }
  }
  return {
    tap_counts: runtime.int64(ofSites, [ofSites.length]),
    ...(heads && { head_counts: runtime.int64(ofHeads, [ofHeads.length]) }),
    kept_rows: runtime.int64([needs.cache === "fresh" ? rows : 0], [1]),
    ...(runtime.memory !== undefined && {
      whole_rows: runtime.int64([needs.cache === "whole" ? rows : 0], [1]),
    }),
  };
}

/** Patches of all blocks in one pair of inputs, in the order of their places. */
function patchFeeds(
  patches: readonly GraphPatch[],
  architecture: Architecture,
  runtime: Runtime,
): Feeds {
  const { layers, hiddenSize } = architecture;
  const slots = layers * GRAPH_SITES.length;
  const ordered = patches.toSorted((a, b) => a.slot - b.slot);
  const counts = Array.from({ length: slots }, () => 0);
  const values = new Float32Array(ordered.length * hiddenSize);
  for (const [at, patch] of ordered.entries()) {
    counts[patch.slot] = (counts[patch.slot] ?? 0) + 1;
    values.set(patch.vector, at * hiddenSize);
  }
  return {
    patch_index: runtime.int64(
      ordered.map((patch) => patch.index),
      [ordered.length, 1],
    ),
    patch_value: runtime.float32(values, [ordered.length, hiddenSize]),
    patch_counts: runtime.int64(counts, [slots]),
  };
}

/** The names of the outputs that a call needs. */
export function outputsOf({ needs }: Forward, layers: number): string[] {
  const names = neededOutputs(needs, layers).map(({ output, layer }) =>
    blockName.tap(output, layer),
  );
  if (needs.cache === "whole") return [...names, ...stayingOutputs(layers)];
  if (needs.cache === "fresh" || names.length === 0) {
    for (let layer = 0; layer < layers; layer++) {
      names.push(blockName.newKeys(layer), blockName.newValues(layer));
    }
  }
  return names;
}

/**
 * Sorts patches into those of a row's own entry states, which are written here, and those inside the graph.
 * A later patch of the same place wins.
 */
export function placePatches(
  pass: PrefillPass,
  states: Float32Array,
  hiddenSize: number,
): { readonly inputs: Float32Array; readonly patches: readonly GraphPatch[] } {
  const inGraph = new Map<string, GraphPatch>();
  for (const patch of pass.patches ?? []) {
    const row = pass.rows[patch.row] ?? missing();
    const index = patch.row * pass.length + patch.offset;
    if (patch.site === "resid_pre" && patch.layer === entryOf(row)) {
      states.set(patch.vector, index * hiddenSize);
      continue;
    }
    const { site, layer } = patchInGraphTerms(patch);
    const slot = slotOf(site, layer);
    inGraph.set(`${slot}:${index}`, { slot, index, vector: patch.vector });
  }
  return { inputs: states, patches: [...inGraph.values()] };
}

/** What block l reads is what block l - 1 puts out; there is nothing below block 0. */
function patchInGraphTerms({ site, layer }: Pick<Patch, "site" | "layer">): {
  readonly site: GraphSite;
  readonly layer: number;
} {
  return site === "resid_pre" ? { site: "resid_post", layer: layer - 1 } : { site, layer };
}

/** One of the graph's outputs. */
interface OutputOfBlock {
  readonly output: GraphSite | HeadOutput;
  readonly layer: number;
}

function isOfHeads(output: OutputOfBlock["output"]): output is HeadOutput {
  return HEAD_OUTPUTS.some((each) => each === output);
}

/** Where a tap finds its numbers; undefined for what block 0 reads, which no block puts out. */
export function outputOf({ site, layer }: Tap): OutputOfBlock | undefined {
  switch (site) {
    case "resid_pre":
      return layer === 0 ? undefined : { output: "resid_post", layer: layer - 1 };
    case "q":
    case "k":
    case "v":
      return { output: "qkv", layer };
    default:
      return { output: site, layer };
  }
}

/** The graph's outputs that are needed, each once. */
function neededOutputs({ taps, final }: Needs, layers: number): readonly OutputOfBlock[] {
  const last = { output: "resid_post", layer: layers - 1 } as const;
  const outputs = [...taps.map(outputOf), ...(final ? [last] : [])];
  const byName = new Map<string, OutputOfBlock>();
  for (const each of outputs) {
    if (each !== undefined) {
      byName.set(blockName.tap(each.output, each.layer), each);
    }
  }
  return [...byName.values()];
}
