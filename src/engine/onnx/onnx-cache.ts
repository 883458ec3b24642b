/** Keys and values of rows, by block, as the decoder graph takes them. */
import type { Architecture } from "../architecture.ts";
import type { Cache } from "../engine.ts";
import { cacheDisposed } from "../errors.ts";
import type { OwnTokens } from "./own-tokens.ts";
import type { Runtime, RuntimeTensor } from "./runtime.ts";

/** Keys and values of one block. */
export interface BlockKv {
  readonly keys: RuntimeTensor;
  readonly values: RuntimeTensor;
}

/** What stands before every row of a cache: `[kvHeads, length, headSize]` for each block. */
export interface SharedContext {
  readonly length: number;
  readonly blocks: readonly BlockKv[];
}

/** Sizes of one head's keys or values. */
type HeadSizes = Pick<Architecture, "kvHeads" | "headSize">;

interface CacheParts {
  /** The engine that made it. */
  readonly owner: object;
  readonly context: SharedContext;
  readonly own: OwnTokens;
}

export class OnnxCache implements Cache {
  readonly owner: object;
  readonly rows: number;
  readonly context: SharedContext;
  #own: OwnTokens | undefined;
  #contexts = new Map<number, SharedContext>();

  constructor({ owner, context, own }: CacheParts) {
    this.owner = owner;
    this.rows = own.rows;
    this.context = context;
    this.#own = own;
  }

  get length(): number {
    return this.context.length + this.own.length;
  }

  /** What is behind the context. */
  get own(): OwnTokens {
    if (this.#own === undefined) throw cacheDisposed();
    return this.#own;
  }

  /** One more token for every row. */
  extend(fresh: readonly BlockKv[]): void {
    this.own.append(fresh);
    this.#contexts.clear();
  }

  dispose(): void {
    this.#own = undefined;
    this.#contexts.clear();
  }

  /** The first `length` tokens of this one-row cache, to stand before other rows. Kept for the next call. */
  asContext(length: number, sizes: HeadSizes, runtime: Runtime): SharedContext {
    const known = this.#contexts.get(length);
    if (known !== undefined) {
      return known;
    }
    const shape = [sizes.kvHeads, length, sizes.headSize];
    const context = {
      length,
      blocks: this.own.blocks.map((_, layer) => {
        const { keys, values } = this.tokens(layer, { from: 0, count: length }, sizes);
        return { keys: runtime.float32(keys, shape), values: runtime.float32(values, shape) };
      }),
    };
    this.#contexts.set(length, context);
    return context;
  }

  /** Keys and values of some tokens of this one-row cache in one block, `[kvHeads, count, headSize]`. */
  tokens(
    layer: number,
    span: TokenSpan,
    sizes: HeadSizes,
  ): { readonly keys: Float32Array; readonly values: Float32Array } {
    const { blocks, room } = this.own;
    const shared = this.context.blocks[layer];
    const own = blocks[layer];
    const strides = [this.context.length, room] as const;
    const slice = (parts: readonly [RuntimeTensor | undefined, RuntimeTensor | undefined]) =>
      sliceTokens([floatsOf(parts[0]), floatsOf(parts[1])], strides, span, sizes);
    return {
      keys: slice([shared?.keys, own?.keys]),
      values: slice([shared?.values, own?.values]),
    };
  }
}

interface TokenSpan {
  readonly from: number;
  readonly count: number;
}

/**
 * Tokens of two tensors, one behind the other: `[kvHeads, length, headSize]`, and of the second maybe not all, but as
 * many as are asked for.
 */
function sliceTokens(
  parts: readonly [Float32Array, Float32Array],
  lengths: readonly [number, number],
  { from, count }: TokenSpan,
  { kvHeads, headSize }: HeadSizes,
): Float32Array {
  const out = new Float32Array(kvHeads * count * headSize);
  const firstCount = Math.max(0, Math.min(lengths[0], from + count) - from);
  const copy = (part: 0 | 1, at: number, tokens: number, to: number): void => {
    for (let head = 0; head < kvHeads && tokens > 0; head++) {
      const start = (head * lengths[part] + at) * headSize;
      out.set(
        parts[part].subarray(start, start + tokens * headSize),
        (head * count + to) * headSize,
      );
    }
  };
  copy(0, from, firstCount, 0);
  copy(1, Math.max(0, from - lengths[0]), count - firstCount, firstCount);
  return out;
}

/** No tokens before the rows. */
export function emptyContext(architecture: Architecture, runtime: Runtime): SharedContext {
  return contextOfZeros(0, architecture, runtime);
}

/** One token of zeros, for a mask to hide. */
export function unseenContext(architecture: Architecture, runtime: Runtime): SharedContext {
  return contextOfZeros(1, architecture, runtime);
}

function contextOfZeros(
  length: number,
  { kvHeads, headSize, layers }: Architecture,
  runtime: Runtime,
): SharedContext {
  const zeros = new Float32Array(kvHeads * length * headSize);
  const tensor = runtime.float32(zeros, [kvHeads, length, headSize]);
  return {
    length,
    blocks: Array.from({ length: layers }, () => ({ keys: tensor, values: tensor })),
  };
}

/** The numbers of a float32 tensor. */
export function floatsOf(tensor: RuntimeTensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) {
    return tensor.data;
  }
  throw new Error("bug: expected a float32 tensor");
}

/** For what the graph's own rules say must be there. */
export function missing(): never {
  throw new Error("bug: a tensor or row that must be there is missing");
}
