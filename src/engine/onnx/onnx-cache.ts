/** Keys and values of rows, by block, as the decoder graph takes them. */
import type { Architecture } from "../architecture.ts";
import type { Cache } from "../engine.ts";
import { cacheDisposed } from "../reference/errors.ts";
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

export class OnnxCache implements Cache {
  readonly rows: number;
  readonly context: SharedContext;
  #ownLength: number;
  #blocks: readonly BlockKv[];
  #contexts = new Map<number, SharedContext>();
  #isDisposed = false;

  /** `blocks`: `[kvHeads, rows, ownLength, headSize]` for each block. */
  constructor(parts: {
    readonly rows: number;
    readonly context: SharedContext;
    readonly ownLength: number;
    readonly blocks: readonly BlockKv[];
  }) {
    this.rows = parts.rows;
    this.context = parts.context;
    this.#ownLength = parts.ownLength;
    this.#blocks = parts.blocks;
  }

  get length(): number {
    return this.context.length + this.#ownLength;
  }

  get ownLength(): number {
    return this.#ownLength;
  }

  get blocks(): readonly BlockKv[] {
    if (this.#isDisposed) {
      throw cacheDisposed();
    }
    return this.#blocks;
  }

  /** One more token for every row. */
  extend(blocks: readonly BlockKv[]): void {
    this.#blocks = blocks;
    this.#ownLength += 1;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#blocks = [];
    this.#contexts.clear();
  }

  /** The first `length` tokens of this one-row cache, to stand before other rows. Kept for the next call. */
  asContext(length: number, architecture: Architecture, runtime: Runtime): SharedContext {
    const known = this.#contexts.get(length);
    if (known !== undefined) {
      return known;
    }
    const { kvHeads, headSize } = architecture;
    const shorten = (tensor: RuntimeTensor): RuntimeTensor => {
      const data = sliceTokens(floatsOf(tensor), {
        kvHeads,
        headSize,
        total: this.#ownLength,
        from: 0,
        count: length,
      });
      return runtime.float32(data, [kvHeads, length, headSize]);
    };
    const context = {
      length,
      blocks: this.blocks.map(({ keys, values }) => ({
        keys: shorten(keys),
        values: shorten(values),
      })),
    };
    this.#contexts.set(length, context);
    return context;
  }
}

/** No tokens before the rows. */
export function emptyContext(architecture: Architecture, runtime: Runtime): SharedContext {
  const { kvHeads, headSize, layers } = architecture;
  const nothing = runtime.float32(new Float32Array(0), [kvHeads, 0, headSize]);
  return {
    length: 0,
    blocks: Array.from({ length: layers }, () => ({ keys: nothing, values: nothing })),
  };
}

/** Tokens `from … from + count` of a one-row tensor `[kvHeads, 1, total, headSize]`. */
export function sliceTokens(
  data: Float32Array,
  at: {
    readonly kvHeads: number;
    readonly headSize: number;
    readonly total: number;
    readonly from: number;
    readonly count: number;
  },
): Float32Array {
  const width = at.count * at.headSize;
  const out = new Float32Array(at.kvHeads * width);
  for (let head = 0; head < at.kvHeads; head++) {
    const start = (head * at.total + at.from) * at.headSize;
    out.set(data.subarray(start, start + width), head * width);
  }
  return out;
}

/**
 * Rows of a `[kvHeads, rows, length, headSize]` tensor in a new order; `rows` index into the first tensor's
 * rows, and an index past them takes `fallback` `[kvHeads, 1, length, headSize]`.
 */
export function gatherRows(
  data: Float32Array,
  at: {
    readonly kvHeads: number;
    readonly rowCount: number;
    /** length × headSize */
    readonly width: number;
    readonly rows: readonly number[];
    readonly fallback?: Float32Array;
  },
): Float32Array {
  const { kvHeads, rowCount, width, rows, fallback } = at;
  const out = new Float32Array(kvHeads * rows.length * width);
  for (let head = 0; head < kvHeads; head++) {
    for (const [index, row] of rows.entries()) {
      const to = (head * rows.length + index) * width;
      if (row < rowCount) {
        const start = (head * rowCount + row) * width;
        out.set(data.subarray(start, start + width), to);
      } else if (fallback !== undefined) {
        out.set(fallback.subarray(head * width, (head + 1) * width), to);
      }
    }
  }
  return out;
}

/** The numbers of a float32 tensor. */
export function floatsOf(tensor: RuntimeTensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) {
    return tensor.data;
  }
  throw new Error("bug: expected a float32 tensor");
}
