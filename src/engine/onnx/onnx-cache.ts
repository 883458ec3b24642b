/** Keys and values of rows, by block, as the decoder graph takes them. */
import type { Architecture } from "../architecture.ts";
import type { Cache } from "../engine.ts";
import { cacheDisposed } from "../errors.ts";
import type { OwnKeys, OwnStep } from "./own-tokens.ts";
import { endOf, runsOf, type KeyPositions, type Run } from "./ragged.ts";
import type { Feeds, Runtime, RuntimeTensor } from "./runtime.ts";

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
  readonly own: OwnKeys;
  /** `[rows]`: where each row's own tokens stand; undefined where they are one behind the other. */
  readonly positions?: readonly KeyPositions[] | undefined;
}

export class OnnxCache implements Cache {
  readonly owner: object;
  readonly rows: number;
  readonly context: SharedContext;
  #own: OwnKeys | undefined;
  #positions: readonly KeyPositions[] | undefined;
  #contexts = new Map<number, SharedContext>();

  constructor({ owner, context, own, positions }: CacheParts) {
    this.owner = owner;
    this.rows = own.rows;
    this.context = context;
    this.#own = own;
    this.#positions = positions;
  }

  get length(): number {
    return Math.max(0, ...this.lengths);
  }

  get lengths(): readonly number[] {
    const start = this.context.length;
    return (
      this.#positions?.map((keys) => endOf(keys, start)) ??
      Array.from({ length: this.rows }, () => start + this.own.length)
    );
  }

  /** `[rows]`: where each row's own tokens stand; undefined where they are one behind the other. */
  get positions(): readonly KeyPositions[] | undefined {
    return this.#positions;
  }

  /** What is behind the context. */
  get own(): OwnKeys {
    if (this.#own === undefined) throw cacheDisposed();
    return this.#own;
  }

  /** One more token for every row, as a step of its own tokens has computed it. */
  extend({ take }: OwnStep, got: Feeds): void {
    const { lengths } = this;
    take(got);
    this.#positions = this.#positions?.map((keys, row) => [...keys, lengths[row] ?? 0]);
    this.#contexts.clear();
  }

  dispose(): void {
    this.#own?.dispose();
    this.#own = undefined;
    this.#contexts.clear();
  }

  /** Some of the rows, in the order given. */
  select(rows: readonly number[]): OnnxCache {
    return new OnnxCache({
      owner: this.owner,
      context: this.context,
      own: this.own.select(rows),
      positions: this.#positions && rows.map((row) => this.#positions?.[row] ?? missing()),
    });
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
      blocks: this.context.blocks.map((_, layer) => {
        const first = [{ row: 0, from: 0, count: length }];
        const { keys, values } = this.tokens(layer, first, length, sizes);
        return { keys: runtime.float32(keys, shape), values: runtime.float32(values, shape) };
      }),
    };
    this.#contexts.set(length, context);
    return context;
  }

  /**
   * Keys and values of some tokens of some rows in one block, `[kvHeads, picked.length, columns, headSize]`: with zeros behind
   * those of which there are fewer.
   */
  tokens(
    layer: number,
    picked: readonly PickedTokens[],
    columns: number,
    sizes: HeadSizes,
  ): { readonly keys: Float32Array; readonly values: Float32Array } {
    const shared = this.context.blocks[layer];
    const own = this.own.block(layer);
    const { kvHeads, headSize } = sizes;
    const copies = picked.flatMap(({ row, from, count }, index) => {
      const before = Math.max(0, Math.min(this.context.length - from, count));
      const behind = this.#ownRuns(row, from + before, count - before);
      const place = own.placeOf(row);
      return [
        {
          part: 0,
          rows: 1,
          stride: this.context.length,
          place: 0,
          column: from,
          to: 0,
          count: before,
        },
        ...behind.map((run) => ({
          ...run,
          ...{ part: 1, rows: own.count, stride: own.room, place, to: before + run.to },
        })),
      ].map((copy) => ({ ...copy, index }));
    });
    const pick = (parts: readonly [RuntimeTensor | undefined, RuntimeTensor]): Float32Array => {
      const numbers = parts.map(floatsOf);
      const out = new Float32Array(kvHeads * picked.length * columns * headSize);
      for (const { part, rows, stride, place, column, to, count, index } of copies) {
        const from = numbers[part] ?? missing();
        for (let head = 0; head < kvHeads && count > 0; head++) {
          const start = ((head * rows + place) * stride + column) * headSize;
          const at = ((head * picked.length + index) * columns + to) * headSize;
          out.set(from.subarray(start, start + count * headSize), at);
        }
      }
      return out;
    };
    return { keys: pick([shared?.keys, own.keys]), values: pick([shared?.values, own.values]) };
  }

  /** Where tokens of a row's own stand. */
  #ownRuns(row: number, from: number, count: number): readonly Run[] {
    if (this.#positions !== undefined) {
      return runsOf(this.#positions[row] ?? missing(), from, count);
    }
    return [{ column: from - this.context.length, count, to: 0 }];
  }
}

/** Tokens of a row: `count` from position `from` on. */
interface PickedTokens {
  readonly row: number;
  readonly from: number;
  readonly count: number;
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
