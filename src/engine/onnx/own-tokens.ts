/**
 * Keys and values of the tokens that are a row's own, behind the shared context, in JavaScript's memory: buffers with room
 * for more, so that a step of decoding writes one token and copies none. The graph is fed the buffers whole, and a mask hides the room.
 * Rows that are alike in a block share its keys and values, until they are told apart.
 */
import type { Architecture } from "../architecture.ts";
import { pick, type Alike, type AlikeStep } from "./alike.ts";
import type { BlockKv } from "./onnx-cache.ts";
import { floatsOf, missing } from "./onnx-cache.ts";
import { blockName } from "./graph/decoder-io.ts";
import type { Feeds, Runtime, RuntimeTensor } from "./runtime.ts";

/** Tokens that are made room for at once: every time, all that is there is moved once. */
const MORE_ROOM = 8;
/** Tokens that memory is asked for at once. What is not written to takes none, and fresh memory is dearer than moving. */
const MORE_CAPACITY = 32;

/** What a step of decoding is fed of keys and values, and what becomes of those that it computes. */
export interface OwnStep {
  readonly past: (layer: number) => BlockKv;
  /** Which of the past's rows each row has; each its own unless said. */
  readonly pastRows?: (layer: number) => readonly number[];
  /** Tokens that the past has room for. */
  readonly room: number;
  readonly puts: "fresh" | "whole";
  /** Where the outputs may be written. */
  readonly into?: Feeds;
  readonly take: (got: Feeds) => void;
}

/** Keys and values of the tokens that are a row's own, wherever they are. */
export interface OwnKeys {
  readonly rows: number;
  readonly length: number;
  /** Which rows are alike in each block. */
  readonly alike: readonly Alike[];
  /** One more token of every row. */
  step(steps: readonly AlikeStep[]): OwnStep;
  /** The tokens of some of the rows, in the order given. */
  select(rows: readonly number[]): OwnKeys;
  /** A block's, in JavaScript's memory, and which of its rows a row of the cache is. */
  block(layer: number): OwnBlockKv;
  /** To be called before `block`. */
  bringHome(): Promise<void>;
  dispose(): void;
}

/** `[kvHeads, count, room, headSize]` each. */
export interface OwnBlockKv extends BlockKv {
  readonly count: number;
  readonly room: number;
  readonly placeOf: (row: number) => number;
}

/**
 * `[kvHeads, alike.count, room, headSize]` each; behind the tokens that are there is nothing but zeros. Each is the only view
 * of its memory, which may have space for more.
 */
interface OwnBlock extends BlockKv {
  readonly alike: Alike;
}

/** What `OwnTokens` are made of. */
interface OwnTokensParts {
  readonly rows: number;
  /** Tokens of each row. */
  readonly length: number;
  /** Tokens that there is room for. */
  readonly room: number;
  readonly blocks: readonly OwnBlock[];
  readonly sizes: Pick<Architecture, "kvHeads" | "headSize">;
  readonly runtime: Runtime;
}

export class OwnTokens implements OwnKeys {
  readonly rows: number;
  readonly #sizes: OwnTokensParts["sizes"];
  readonly #runtime: Runtime;
  #length: number;
  #room: number;
  #blocks: readonly OwnBlock[];
  #fresh: readonly BlockKv[] = [];

  constructor({ rows, length, room, blocks, sizes, runtime }: OwnTokensParts) {
    this.rows = rows;
    this.#length = length;
    this.#room = room;
    this.#blocks = blocks;
    this.#sizes = sizes;
    this.#runtime = runtime;
  }

  get length(): number {
    return this.#length;
  }

  get blocks(): readonly OwnBlock[] {
    return this.#blocks;
  }

  get alike(): readonly Alike[] {
    return this.#blocks.map(({ alike }) => alike);
  }

  block(layer: number): OwnBlockKv {
    const { alike, keys, values } = this.#blocks[layer] ?? missing();
    const placeOf = (row: number): number => alike.of[row] ?? missing();
    return { keys, values, count: alike.count, room: this.#room, placeOf };
  }

  bringHome(): Promise<void> {
    return Promise.resolve();
  }

  dispose(): void {
    // Nobody else knows its memory.
  }

  /** Rows that a step tells apart get keys and values of their own. */
  step(steps: readonly AlikeStep[]): OwnStep {
    const fresh = this.#prepare(steps);
    const blocks = this.#blocks;
    return {
      past: (layer) => blocks[layer] ?? missing(),
      room: this.#room,
      puts: "fresh",
      into: freshOutputs(fresh),
      take: (got) => {
        this.#append(got);
      },
    };
  }

  /** Where the step may write its own, `[kvHeads, alike.count, 1, headSize]` for each block. */
  #prepare(steps: readonly AlikeStep[]): readonly BlockKv[] {
    const room = this.#length === this.#room ? this.#room + MORE_ROOM : this.#room;
    // Block by block, so that no two copies of everything are there at once.
    const blocks = [...this.#blocks];
    this.#blocks = blocks;
    for (const [layer, block] of blocks.entries()) {
      const step = steps[layer] ?? missing();
      blocks[layer] = this.#spread(block, step, room);
    }
    this.#room = room;
    this.#fresh = blocks.map(({ alike }, layer) => {
      const { keys, values } = this.#fresh[layer] ?? {};
      return { keys: this.#freshFor(alike, keys), values: this.#freshFor(alike, values) };
    });
    return this.#fresh;
  }

  #append(got: Feeds): void {
    for (const [layer, { keys, values }] of this.#blocks.entries()) {
      this.#write(floatsOf(keys), floatsOf(got[blockName.newKeys(layer)]));
      this.#write(floatsOf(values), floatsOf(got[blockName.newValues(layer)]));
    }
    this.#length += 1;
  }

  select(rows: readonly number[]): OwnTokens {
    const picked = new Map<Alike, ReturnType<typeof pick>>();
    const room = this.#room;
    const blocks = this.#blocks.map((block): OwnBlock => {
      const { alike, past } = picked.get(block.alike) ?? pick(block.alike, rows);
      picked.set(block.alike, { alike, past });
      const from = { count: block.alike.count, room };
      const some = (tensor: RuntimeTensor): RuntimeTensor => {
        const numbers = this.#allocate(rows.length, room);
        const data = spread(floatsOf(tensor), numbers, { from, past, room, ...this.#sizes });
        return this.#tensor(data, past.length, room);
      };
      return { alike, keys: some(block.keys), values: some(block.values) };
    });
    return new OwnTokens({
      rows: rows.length,
      length: this.#length,
      room,
      blocks,
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

  /** A block with keys and values for each that is told apart, and with more room: in the same memory where that has space. */
  #spread(block: OwnBlock, { alike, past }: AlikeStep, room: number): OwnBlock {
    const from = { count: block.alike.count, room: this.#room };
    if (alike.count === from.count && room === from.room) return { ...block, alike };
    const { kvHeads, headSize } = this.#sizes;
    const needed = kvHeads * alike.count * room * headSize;
    const spreadOut = (tensor: RuntimeTensor): RuntimeTensor => {
      const data = floatsOf(tensor);
      const space = (data.buffer.byteLength - data.byteOffset) / data.BYTES_PER_ELEMENT;
      const into =
        space >= needed
          ? new Float32Array(data.buffer, data.byteOffset, needed)
          : this.#allocate(this.rows, room);
      const spaced = spread(data, into, { from, past, room, ...this.#sizes });
      return this.#tensor(spaced, alike.count, room);
    };
    return { alike, keys: spreadOut(block.keys), values: spreadOut(block.values) };
  }

  /** Memory for as many different rows as there can be, and tokens to come. */
  #allocate(rows: number, room: number): Float32Array {
    const { kvHeads, headSize } = this.#sizes;
    return new Float32Array(kvHeads * rows * (room + MORE_CAPACITY) * headSize);
  }

  #freshFor({ count }: Alike, known: RuntimeTensor | undefined): RuntimeTensor {
    if (known?.dims[1] === count) return known;
    const { kvHeads, headSize } = this.#sizes;
    return this.#tensor(new Float32Array(kvHeads * count * headSize), count, 1);
  }

  #tensor(data: Float32Array, count: number, room: number): RuntimeTensor {
    const { kvHeads, headSize } = this.#sizes;
    return this.#runtime.float32(data, [kvHeads, count, room, headSize]);
  }
}

/** Outputs for the keys and values of a step. */
function freshOutputs(blocks: readonly BlockKv[]): Feeds {
  const outputs = blocks.flatMap(({ keys, values }, layer) => [
    [blockName.newKeys(layer), keys] as const,
    [blockName.newValues(layer), values] as const,
  ]);
  return Object.fromEntries(outputs);
}

/**
 * Writes `[kvHeads, from.count, from.room, headSize]` as `[kvHeads, past.length, room, headSize]`, each of `past` with what
 * stands at that place now, and zeros behind it. `into` may be the same memory where nothing moves to the front: no place
 * of `past` is greater than its own then, and none is written over before it has moved.
 */
function spread(
  data: Float32Array,
  into: Float32Array,
  to: {
    readonly from: { readonly count: number; readonly room: number };
    readonly past: readonly number[];
    readonly room: number;
    readonly kvHeads: number;
    readonly headSize: number;
  },
): Float32Array {
  const { from, past, kvHeads, headSize } = to;
  const [had, has] = [from.room * headSize, to.room * headSize];
  for (let head = kvHeads - 1; head >= 0; head--) {
    for (let place = past.length - 1; place >= 0; place--) {
      const start = (head * from.count + (past[place] ?? 0)) * had;
      const at = (head * past.length + place) * has;
      into.set(data.subarray(start, start + had), at);
      if (into.buffer === data.buffer) into.fill(0, at + had, at + has);
    }
  }
  return into.subarray(0, kvHeads * past.length * has);
}
