/**
 * Keys and values of the tokens that are a row's own, behind the shared context: buffers with room for more, so that
 * a step of decoding writes one token and copies none. The graph is fed the buffers whole, and a mask hides the room.
 */
import type { Architecture } from "../architecture.ts";
import type { BlockKv } from "./onnx-cache.ts";
import { floatsOf } from "./onnx-cache.ts";
import type { Runtime, RuntimeTensor } from "./runtime.ts";

/** Tokens that are made room for at once: every time, all that is there is moved once. */
const MORE_ROOM = 8;
/** Tokens that memory is asked for at once. What is not written to takes none, and fresh memory is dearer than moving. */
const MORE_CAPACITY = 32;

/** What `OwnTokens` are made of. */
interface OwnTokensParts {
  readonly rows: number;
  /** Tokens of each row. */
  readonly length: number;
  /** Tokens that there is room for. */
  readonly room: number;
  /** `[kvHeads, rows, room, headSize]` for each block. */
  readonly blocks: readonly BlockKv[];
  readonly sizes: Pick<Architecture, "kvHeads" | "headSize">;
  readonly runtime: Runtime;
}

export class OwnTokens {
  readonly rows: number;
  readonly #sizes: OwnTokensParts["sizes"];
  readonly #runtime: Runtime;
  #length: number;
  #room: number;
  #blocks: readonly BlockKv[];
  /** Tokens that the arrays behind the blocks have space for. */
  #capacity: number;
  #fresh: readonly BlockKv[] | undefined;

  constructor({ rows, length, room, blocks, sizes, runtime }: OwnTokensParts) {
    this.rows = rows;
    this.#length = length;
    this.#room = room;
    this.#blocks = blocks;
    this.#capacity = room;
    this.#sizes = sizes;
    this.#runtime = runtime;
  }

  get length(): number {
    return this.#length;
  }

  get room(): number {
    return this.#room;
  }

  /** `[kvHeads, rows, room, headSize]` for each block; behind `length` tokens there is nothing but zeros. */
  get blocks(): readonly BlockKv[] {
    return this.#blocks;
  }

  /** Where a step may write its keys and values, `[kvHeads, rows, 1, headSize]` for each block: the same at every step. */
  get fresh(): readonly BlockKv[] {
    const { kvHeads, headSize } = this.#sizes;
    const tensor = (): RuntimeTensor =>
      this.#tensor(new Float32Array(kvHeads * this.rows * headSize), this.rows, 1);
    this.#fresh ??= this.#blocks.map(() => ({ keys: tensor(), values: tensor() }));
    return this.#fresh;
  }

  /** One more token of every row, `[kvHeads, rows, 1, headSize]` for each block. */
  append(fresh: readonly BlockKv[]): void {
    if (this.#length === this.#room) this.#widen(this.#room + MORE_ROOM);
    for (const [layer, { keys, values }] of this.#blocks.entries()) {
      this.#write(floatsOf(keys), floatsOf(fresh[layer]?.keys));
      this.#write(floatsOf(values), floatsOf(fresh[layer]?.values));
    }
    this.#length += 1;
  }

  /** The tokens of some of the rows, in the order given. */
  select(rows: readonly number[]): OwnTokens {
    const width = this.#room * this.#sizes.headSize;
    const pick = (tensor: RuntimeTensor): RuntimeTensor =>
      this.#tensor(
        gatherRows(floatsOf(tensor), {
          kvHeads: this.#sizes.kvHeads,
          rowCount: this.rows,
          width,
          rows,
        }),
        rows.length,
        this.#room,
      );
    return new OwnTokens({
      rows: rows.length,
      length: this.#length,
      room: this.#room,
      blocks: this.#blocks.map(({ keys, values }) => ({ keys: pick(keys), values: pick(values) })),
      sizes: this.#sizes,
      runtime: this.#runtime,
    });
  }

  #write(into: Float32Array, token: Float32Array): void {
    const { headSize } = this.#sizes;
    const stride = this.#room * headSize;
    let to = this.#length * headSize;
    for (let from = 0; from < token.length; from += headSize) {
      // A loop is faster than a view for every head of every row.
      for (let i = 0; i < headSize; i++) into[to + i] = token[from + i] ?? 0;
      to += stride;
    }
  }

  #widen(room: number): void {
    const capacity = room <= this.#capacity ? this.#capacity : room + MORE_CAPACITY;
    const widened = (tensor: RuntimeTensor): RuntimeTensor => {
      const data = this.#spread(floatsOf(tensor), room, capacity);
      return this.#tensor(data, this.rows, room);
    };
    // Block by block, so that no two copies of everything are there at once.
    const blocks = [...this.#blocks];
    this.#blocks = blocks;
    for (const [layer, { keys, values }] of blocks.entries()) {
      blocks[layer] = { keys: widened(keys), values: widened(values) };
    }
    this.#room = room;
    this.#capacity = capacity;
  }

  /** Tokens with more room behind those of each row and head: in the same memory where that has space, else in new. */
  #spread(data: Float32Array, room: number, capacity: number): Float32Array {
    const { headSize, kvHeads } = this.#sizes;
    const [from, to] = [this.#room * headSize, room * headSize];
    const parts = kvHeads * this.rows;
    const isMoved = capacity === this.#capacity;
    const all = isMoved
      ? new Float32Array(data.buffer, data.byteOffset, parts * to)
      : new Float32Array(parts * capacity * headSize);
    // From the last one on: none is written over before it has moved.
    for (let part = parts - 1; part >= 0; part--) {
      all.set(data.subarray(part * from, (part + 1) * from), part * to);
      if (isMoved) all.fill(0, part * to + from, (part + 1) * to);
    }
    return all.subarray(0, parts * to);
  }

  #tensor(data: Float32Array, rows: number, room: number): RuntimeTensor {
    const { kvHeads, headSize } = this.#sizes;
    return this.#runtime.float32(data, [kvHeads, rows, room, headSize]);
  }
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
