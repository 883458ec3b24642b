/**
 * What each token may look at, as the decoder graph is fed it: a mask for every layer. Layers in which nothing is blocked
 * share one tensor for all rows; each of the others has its own, with a part for every row that has entered.
 */
import type { Architecture } from "../architecture.ts";
import type { Edge } from "../engine.ts";
import { blockName } from "./graph/decoder-io.ts";
import type { Span } from "./position-feeds.ts";
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
}

/** 0 where a token may look, -inf where not: `[1, rows or 1, 1, length, unseen + first + unused + length]`. */
export function maskFeeds(masking: Masking, { window }: Architecture, runtime: Runtime): Feeds {
  const { length, rows, blocked } = masking;
  const tensorOf = (mask: Float32Array, count: number): RuntimeTensor =>
    runtime.float32(mask, [1, count, 1, length, keysOf(masking)]);
  const viewOf = (size: number): View => {
    const mask = causalMask(masking, size);
    return { mask, shared: tensorOf(mask, 1) };
  };
  const all = viewOf(Infinity);
  const windowed = window === undefined ? all : viewOf(window.size);
  const feeds: Record<string, RuntimeTensor> = {};
  for (const [layer, count] of rows.entries()) {
    const { mask, shared } = window?.layers.has(layer) === true ? windowed : all;
    const edges = blocked.filter((edge) => edge.layer === layer);
    feeds[blockName.mask(layer)] =
      edges.length === 0 ? shared : tensorOf(withBlocked(mask, edges, count, masking), count);
  }
  return feeds;
}

/** A way of looking back: the same for all rows. */
interface View {
  readonly mask: Float32Array;
  readonly shared: RuntimeTensor;
}

/** The mask for each row, with its edges blocked: `[count, length, keys]`. */
function withBlocked(
  mask: Float32Array,
  edges: readonly Edge[],
  count: number,
  masking: Masking,
): Float32Array {
  const out = new Float32Array(count * mask.length);
  for (let row = 0; row < count; row++) out.set(mask, row * mask.length);
  for (const { row, from, to } of edges) {
    out[row * mask.length + from * keysOf(masking) + keyOf(to, masking)] = -Infinity;
  }
  return out;
}

/** `[length, keys]`; of the tokens up to itself a token sees the last `size`. */
function causalMask(masking: Masking, size: number): Float32Array {
  const { first, length } = masking;
  const keys = keysOf(masking);
  const mask = new Float32Array(length * keys).fill(-Infinity);
  for (let offset = 0; offset < length; offset++) {
    const self = first + offset;
    for (let position = Math.max(0, self + 1 - size); position <= self; position++) {
      mask[offset * keys + keyOf(position, masking)] = 0;
    }
  }
  return mask;
}

function keysOf({ unseen, first, unused, length }: Masking): number {
  return unseen + first + unused + length;
}

/** Where the key of the token at a position stands. */
function keyOf(position: number, { unseen, first, unused }: Masking): number {
  return unseen + position + (position < first ? 0 : unused);
}
