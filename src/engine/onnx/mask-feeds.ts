/**
 * What each token may look at, as the decoder graph is fed it: a mask for every layer. Layers in which nothing is blocked
 * and all rows look back alike share one tensor; else a mask has a part for every row that has entered.
 */
import type { Architecture } from "../architecture.ts";
import type { Edge } from "../engine.ts";
import { blockName } from "./graph/decoder-io.ts";
import type { Span } from "./position-feeds.ts";
import { columnsFrom, FILLER, type KeyPositions, type Ragged } from "./ragged.ts";
import type { Feeds, Runtime, RuntimeTensor } from "./runtime.ts";

/** What the masks of a call are made from. Keys stand in this order: unseen, those before the call, unused, the call's own. */
interface Masking extends Span {
  /** Keys before all others that no token sees. */
  readonly unseen: number;
  /** Room behind the keys before the call, which no token sees. */
  readonly unused: number;
  /** Rows in the stack, by layer. */
  readonly rows: readonly number[];
  readonly blocked: readonly Edge[];
  /** Where rows differ in their positions; of the keys before the call, `context` are those of all rows. */
  readonly ragged:
    (Pick<Ragged, "firsts" | "keys" | "rowsOf"> & { readonly context: number }) | undefined;
}

/** 0 where a token may look, -inf where not: `[1, rows or 1, 1, length, unseen + first + unused + length]`. */
export function maskFeeds(masking: Masking, { window }: Architecture, runtime: Runtime): Feeds {
  const { length, rows, blocked } = masking;
  const keys = keysOf(masking);
  const tensorOf = (mask: Float32Array): RuntimeTensor =>
    runtime.float32(mask, [1, mask.length / (length * keys), 1, length, keys]);
  const all = viewOf(masking, Infinity, tensorOf);
  const windowed = window === undefined ? all : viewOf(masking, window.size, tensorOf);
  const feeds: Record<string, RuntimeTensor> = {};
  for (const [layer, count] of rows.entries()) {
    const view = window?.layers.has(layer) === true ? windowed : all;
    const edges = blocked.filter((edge) => edge.layer === layer);
    const ofRows = masking.ragged?.rowsOf(layer) ?? [];
    if (edges.length === 0) {
      feeds[blockName.mask(layer)] = view.shared(ofRows);
      continue;
    }
    const lines = linesOf(masking, ofRows);
    const mask = withBlocked(view.maskOf(lines), { edges, count, lines, length, keys });
    feeds[blockName.mask(layer)] = tensorOf(mask);
  }
  return feeds;
}

/** A row as its tokens look back: where they are, and which positions the keys have. */
interface Line {
  readonly first: number;
  /** `[keys]` */
  readonly positions: KeyPositions;
}

/** Rows that may look back in different ways; one where all look back alike, or there are none. */
function linesOf({ ragged, ...masking }: Masking, rows: readonly number[]): readonly Line[] {
  const { first, unseen, unused, length } = masking;
  const around = (start: number, before: KeyPositions): KeyPositions => [
    ...columnsFrom(0, 0, unseen),
    ...before,
    ...columnsFrom(0, 0, unused),
    ...columnsFrom(start, length),
  ];
  if (ragged === undefined || rows.length === 0) {
    return [{ first, positions: around(first, columnsFrom(0, first)) }];
  }
  return rows.map((row) => {
    const start = ragged.firsts[row] ?? 0;
    const before = [...columnsFrom(0, ragged.context), ...(ragged.keys[row] ?? [])];
    return { first: start, positions: around(start, before) };
  });
}

/** A way of looking back: how far. */
interface View {
  /** The same tensor for the same rows. */
  readonly shared: (rows: readonly number[]) => RuntimeTensor;
  readonly maskOf: (lines: readonly Line[]) => Float32Array;
}

function viewOf(
  masking: Masking,
  size: number,
  tensorOf: (mask: Float32Array) => RuntimeTensor,
): View {
  const known = new Map<string, RuntimeTensor>();
  const maskOf = (lines: readonly Line[]): Float32Array => causalMask(lines, masking, size);
  return {
    maskOf,
    shared: (rows) => {
      const key = rows.join();
      const tensor = known.get(key) ?? tensorOf(maskOf(linesOf(masking, rows)));
      known.set(key, tensor);
      return tensor;
    },
  };
}

/** `[lines, length, keys]`; of the tokens up to itself a token sees the last `size`. */
function causalMask(lines: readonly Line[], masking: Masking, size: number): Float32Array {
  const { length } = masking;
  const keys = keysOf(masking);
  const mask = new Float32Array(lines.length * length * keys).fill(-Infinity);
  for (const [index, { first, positions }] of lines.entries()) {
    for (let offset = 0; offset < length; offset++) {
      const self = first + offset;
      const at = (index * length + offset) * keys;
      for (const [key, position] of positions.entries()) {
        if (position !== FILLER && position <= self && position > self - size) mask[at + key] = 0;
      }
    }
  }
  return mask;
}

/** A mask for each row, with its edges blocked: `[count, length, keys]`. */
function withBlocked(
  mask: Float32Array,
  at: {
    readonly edges: readonly Edge[];
    readonly count: number;
    /** One for each row, or one for all. */
    readonly lines: readonly Line[];
    readonly length: number;
    readonly keys: number;
  },
): Float32Array {
  const { edges, count, lines, length, keys } = at;
  const size = length * keys;
  const out = new Float32Array(count * size);
  for (let row = 0; row < count; row++) {
    out.set(mask.length === size ? mask : mask.subarray(row * size, (row + 1) * size), row * size);
  }
  for (const { row, from, to } of edges) {
    const { positions = [] } = lines[row] ?? lines[0] ?? {};
    const key = positions.indexOf(to);
    if (key !== -1) out[row * size + from * keys + key] = -Infinity;
  }
  return out;
}

function keysOf({ unseen, first, unused, length }: Masking): number {
  return unseen + first + unused + length;
}
