/**
 * The fast engine: runs passes on the instrumented graph of `graph/decoder-graph.ts`.
 * Two sessions with no weight in common: the blocks, and the read-out. Embeddings are looked up here.
 * Works on any {@link Runtime}; which one it is, is known to one file only.
 */
import type { Site } from "../../site.ts";
import type { Architecture, ModelDefinition, RowReader } from "../architecture.ts";
import { entryOf } from "../engine.ts";
import type {
  Cache,
  DecodePass,
  Engine,
  EngineInfo,
  Pass,
  PassOutput,
  Precision,
  PrefillPass,
  Tap,
} from "../engine.ts";
import { checkDecode, checkIndex, checkPrefill } from "../check-pass.ts";
import { engineDisposed, foreignCache, passAborted } from "../errors.ts";
import {
  blockName,
  buildDecoder,
  GRAPH_SITES,
  SHAPE_WIDTH,
  shapesOf,
  slotOf,
} from "./graph/decoder-graph.ts";
import type { GraphSite } from "./graph/decoder-graph.ts";
import type { LinearWriter } from "./graph/linear.ts";
import { floatLinear } from "./graph/linear.ts";
import { quantizedLinear } from "./graph/quantized-linear.ts";
import { buildReadOut } from "./graph/read-out-graph.ts";
import type { BlockKv, SharedContext } from "./onnx-cache.ts";
import { emptyContext, floatsOf, gatherRows, OnnxCache } from "./onnx-cache.ts";
import { readOut } from "./read-out.ts";
import type { Feeds, Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";

const LINEAR: Record<Precision, LinearWriter> = {
  float32: floatLinear,
  quantized: quantizedLinear,
};

/** Loads a model into a runtime. */
export async function createOnnxEngineOn(
  runtime: Runtime,
  model: ModelDefinition,
  precision: Precision,
): Promise<Engine> {
  const parts = { ...model, linear: LINEAR[precision] };
  const decoder = await runtime.createSession(buildDecoder(parts));
  const head = await runtime.createSession(buildReadOut(parts));
  const embedding = await model.weights.embedding.rowReader();
  return new OnnxEngine({
    runtime,
    architecture: model.architecture,
    decoder,
    head,
    embedding,
    precision,
  });
}

interface OnnxParts {
  readonly runtime: Runtime;
  readonly architecture: Architecture;
  readonly decoder: RuntimeSession;
  readonly head: RuntimeSession;
  readonly embedding: RowReader;
  readonly precision: Precision;
}

/** One call of the decoder: rows with their states, and what stands before them. */
interface Forward {
  /** Entry block of each row, ascending. */
  readonly entries: readonly number[];
  readonly length: number;
  /** `[rows × length, hidden]`, all rows that enter any block. */
  readonly join: Float32Array;
  readonly context: SharedContext;
  readonly ownLength: number;
  readonly past: (layer: number, rows: number) => BlockKv;
  readonly patches: readonly GraphPatch[];
  readonly needs: Needs;
}

interface GraphPatch {
  /** Layer and site, in the graph's order. */
  readonly slot: number;
  /** Token row of `[rows × length]`. */
  readonly index: number;
  readonly vector: Float32Array;
}

class OnnxEngine implements Engine {
  readonly info: EngineInfo;
  readonly architecture: Architecture;
  readonly #runtime: Runtime;
  readonly #decoder: RuntimeSession;
  readonly #head: RuntimeSession;
  readonly #embed: RowReader;
  readonly #noContext: SharedContext;
  #isDisposed = false;

  constructor(parts: OnnxParts) {
    const { runtime, architecture, precision } = parts;
    this.info = {
      name: runtime.name,
      device: runtime.device,
      version: runtime.version,
      precision,
    };
    this.architecture = architecture;
    this.#runtime = runtime;
    this.#decoder = parts.decoder;
    this.#head = parts.head;
    this.#embed = parts.embedding;
    this.#noContext = emptyContext(architecture, runtime);
  }

  async run(pass: Pass, signal?: AbortSignal): Promise<PassOutput> {
    this.#checkAlive();
    if (signal?.aborted === true) {
      throw passAborted(signal.reason);
    }
    switch (pass.kind) {
      case "prefill":
        checkPrefill(pass, this.architecture);
        return this.#prefill(pass, signal);
      case "decode":
        checkDecode(pass, this.architecture);
        return this.#decode(pass, signal);
    }
  }

  select(cache: Cache, rows: readonly number[]): Cache {
    this.#checkAlive();
    const own = this.#ownCache(cache);
    for (const row of rows) {
      checkIndex("Row", row, own.rows);
    }
    const { kvHeads, headSize } = this.architecture;
    const pick = (tensor: RuntimeTensor): RuntimeTensor =>
      this.#runtime.float32(
        gatherRows(floatsOf(tensor), {
          kvHeads,
          rowCount: own.rows,
          width: own.ownLength * headSize,
          rows,
        }),
        [kvHeads, rows.length, own.ownLength, headSize],
      );
    const blocks = own.blocks.map(({ keys, values }) => ({
      keys: pick(keys),
      values: pick(values),
    }));
    return new OnnxCache({
      owner: this,
      rows: rows.length,
      context: own.context,
      ownLength: own.ownLength,
      blocks,
    });
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) {
      return;
    }
    this.#isDisposed = true;
    await this.#decoder.dispose();
    await this.#head.dispose();
  }

  #checkAlive(): void {
    if (this.#isDisposed) {
      throw engineDisposed();
    }
  }

  #ownCache(cache: Cache): OnnxCache {
    if (cache instanceof OnnxCache && cache.owner === this) {
      return cache;
    }
    throw foreignCache();
  }

  async #prefill(pass: PrefillPass, signal?: AbortSignal): Promise<PassOutput> {
    const { layers, hiddenSize } = this.architecture;
    const entries = pass.rows.map(entryOf);
    const inStack = entries.filter((entry) => entry < layers).length;
    const contextCache =
      pass.context === undefined ? undefined : this.#ownCache(pass.context.cache);
    const context =
      contextCache === undefined
        ? this.#noContext
        : contextCache.asContext(pass.context?.length ?? 0, this.architecture, this.#runtime);
    const states = this.#entryStates(pass);
    const { inputs, patches } = placePatches(pass, states, hiddenSize);
    const taps = pass.taps ?? [];
    const keep = pass.keep === true;
    const forward: Forward = {
      entries,
      length: pass.length,
      join: inputs.subarray(0, inStack * pass.length * hiddenSize),
      context,
      ownLength: 0,
      past: (_, rows) => this.#noPast(rows),
      patches,
      needs: { taps, final: pass.read !== undefined, cache: keep },
    };
    const got = inStack === 0 ? {} : await this.#forward(forward);
    const final = (row: number, offset: number): Float32Array => {
      const at = (row * pass.length + offset) * hiddenSize;
      const source =
        row < inStack ? floatsOf(got[blockName.site("resid_post", layers - 1)]) : inputs;
      return source.subarray(at, at + hiddenSize);
    };
    return {
      taps: taps.map((tap) => this.#tap(tap, { got, forward, inputs, inStack })),
      read: pass.read === undefined ? undefined : await this.#read(pass.read, final, signal),
      cache: keep ? this.#keep({ pass, got, entries, context, contextCache }) : undefined,
    };
  }

  async #decode(pass: DecodePass, signal?: AbortSignal): Promise<PassOutput> {
    const { layers, hiddenSize } = this.architecture;
    const cache = this.#ownCache(pass.cache);
    const states = new Float32Array(cache.rows * hiddenSize);
    pass.tokens.forEach((token, row) => {
      this.#embed(token, states, row * hiddenSize);
    });
    const blocks = cache.blocks;
    const forward: Forward = {
      entries: Array.from({ length: cache.rows }, () => 0),
      length: 1,
      join: states,
      context: cache.context,
      ownLength: cache.ownLength,
      past: (layer) => blocks[layer] ?? missing(),
      patches: [],
      needs: { taps: [], final: true, cache: true },
    };
    const got = await this.#forward(forward);
    cache.extend(presentBlocks(got, layers));
    const finals = floatsOf(got[blockName.site("resid_post", layers - 1)]);
    const final = (row: number): Float32Array =>
      finals.subarray(row * hiddenSize, (row + 1) * hiddenSize);
    return { taps: [], read: await this.#read(pass.read, final, signal), cache };
  }

  #read(
    read: DecodePass["read"],
    final: (row: number, offset: number) => Float32Array,
    signal: AbortSignal | undefined,
  ): Promise<NonNullable<PassOutput["read"]>> {
    return readOut({
      runtime: this.#runtime,
      session: this.#head,
      architecture: this.architecture,
      read,
      final,
      signal,
    });
  }

  /** What each row's entry block reads, `[rows × length, hidden]`; a copy, so that patches may go into it. */
  #entryStates(pass: PrefillPass): Float32Array {
    const width = this.architecture.hiddenSize;
    const states = new Float32Array(pass.rows.length * pass.length * width);
    for (const [index, row] of pass.rows.entries()) {
      const start = index * pass.length * width;
      if ("tokens" in row) {
        row.tokens.forEach((token, offset) => {
          this.#embed(token, states, start + offset * width);
        });
      } else {
        states.set(row.states, start);
      }
    }
    return states;
  }

  #forward(forward: Forward): Promise<Readonly<Record<string, RuntimeTensor>>> {
    const { layers } = this.architecture;
    const names = neededStates(forward.needs, layers).map(({ site, layer }) =>
      blockName.site(site, layer),
    );
    if (forward.needs.cache || names.length === 0) {
      for (let layer = 0; layer < layers; layer++) {
        names.push(blockName.presentKeys(layer), blockName.presentValues(layer));
      }
    }
    return this.#decoder.run(this.#feeds(forward), names);
  }

  #feeds(forward: Forward): Feeds {
    const { layers, hiddenSize } = this.architecture;
    const { length, context, ownLength } = forward;
    const { float32, int64 } = this.#runtime;
    const joinCounts = Array.from({ length: layers }, () => 0);
    for (const entry of forward.entries) {
      if (entry < layers) {
        joinCounts[entry] = (joinCounts[entry] ?? 0) + 1;
      }
    }
    const shapes: number[] = [];
    const feeds: Record<string, RuntimeTensor> = {};
    let rows = 0;
    for (const [layer, joining] of joinCounts.entries()) {
      rows += joining;
      shapes.push(...shapesOf(this.architecture, { rows, length, context: context.length }));
      const shared = context.blocks[layer] ?? missing();
      const past = forward.past(layer, rows);
      feeds[blockName.contextKeys(layer)] = shared.keys;
      feeds[blockName.contextValues(layer)] = shared.values;
      feeds[blockName.pastKeys(layer)] = past.keys;
      feeds[blockName.pastValues(layer)] = past.values;
    }
    const first = context.length + ownLength;
    return {
      ...feeds,
      ...this.#patchFeeds(forward.patches),
      ...this.#outputFeeds(forward),
      join: float32(forward.join, [forward.join.length / hiddenSize, hiddenSize]),
      join_counts: int64(
        joinCounts.map((count) => count * length),
        [layers],
      ),
      shapes: int64(shapes, [layers, SHAPE_WIDTH]),
      positions: int64(
        Array.from({ length }, (_, offset) => offset),
        [1, length],
      ),
      ...this.#angles(first, length),
      mask: float32(causalMask(first, length), [1, 1, 1, length, first + length]),
      key_split: int64([context.length, ownLength + length], [2]),
    };
  }

  /** Cosines and sines of the positions from `first` on. */
  #angles(first: number, length: number): Feeds {
    const { inverseFrequencies, attentionFactor } = this.architecture.rope;
    const half = inverseFrequencies.length;
    const cos = new Float32Array(length * half);
    const sin = new Float32Array(length * half);
    for (let offset = 0; offset < length; offset++) {
      for (let pair = 0; pair < half; pair++) {
        const angle = (first + offset) * (inverseFrequencies[pair] ?? 0);
        cos[offset * half + pair] = Math.cos(angle) * attentionFactor;
        sin[offset * half + pair] = Math.sin(angle) * attentionFactor;
      }
    }
    return {
      cos: this.#runtime.float32(cos, [length, half]),
      sin: this.#runtime.float32(sin, [length, half]),
    };
  }

  /** How much of each output is wanted: all or nothing. */
  #outputFeeds({ needs, entries, length }: Forward): Feeds {
    const { layers } = this.architecture;
    const slots = layers * GRAPH_SITES.length;
    const counts = Array.from({ length: slots }, () => 0);
    for (const { site, layer } of neededStates(needs, layers)) {
      counts[slotOf(site, layer)] = entries.length * length;
    }
    return {
      tap_counts: this.#runtime.int64(counts, [slots]),
      kept_rows: this.#runtime.int64([needs.cache ? entries.length : 0], [1]),
    };
  }

  #patchFeeds(patches: readonly GraphPatch[]): Feeds {
    const { layers, hiddenSize } = this.architecture;
    const slots = layers * GRAPH_SITES.length;
    const ordered = patches.toSorted((a, b) => a.slot - b.slot);
    const counts = Array.from({ length: slots }, () => 0);
    const values = new Float32Array(ordered.length * hiddenSize);
    for (const [at, patch] of ordered.entries()) {
      counts[patch.slot] = (counts[patch.slot] ?? 0) + 1;
      values.set(patch.vector, at * hiddenSize);
    }
    return {
      patch_index: this.#runtime.int64(
        ordered.map((patch) => patch.index),
        [ordered.length, 1],
      ),
      patch_value: this.#runtime.float32(values, [ordered.length, hiddenSize]),
      patch_counts: this.#runtime.int64(counts, [slots]),
    };
  }

  #noPast(rows: number): BlockKv {
    const { kvHeads, headSize } = this.architecture;
    const empty = this.#runtime.float32(new Float32Array(0), [kvHeads, rows, 0, headSize]);
    return { keys: empty, values: empty };
  }

  #tap(
    tap: Tap,
    parts: {
      readonly got: Readonly<Record<string, RuntimeTensor>>;
      readonly forward: Forward;
      readonly inputs: Float32Array;
      readonly inStack: number;
    },
  ): Float32Array {
    const { got, forward, inputs } = parts;
    const { hiddenSize } = this.architecture;
    if (tap.site !== "resid_pre") {
      const tensor = got[blockName.site(tap.site, tap.layer)];
      return tensor === undefined ? new Float32Array(0) : floatsOf(tensor);
    }
    // What block l reads: what block l - 1 put out, and behind it the rows that enter here.
    const width = forward.length * hiddenSize;
    const before = forward.entries.filter((entry) => entry < tap.layer).length;
    const upTo = forward.entries.filter((entry) => entry <= tap.layer).length;
    const out = new Float32Array(upTo * width);
    if (before > 0) {
      out.set(floatsOf(got[blockName.site("resid_post", tap.layer - 1)]));
    }
    out.set(inputs.subarray(before * width, upTo * width), before * width);
    return out;
  }

  /** Keys and values of all rows and blocks; below a row's entry they are the context cache's. */
  #keep(parts: {
    readonly pass: PrefillPass;
    readonly got: Readonly<Record<string, RuntimeTensor>>;
    readonly entries: readonly number[];
    readonly context: SharedContext;
    readonly contextCache: OnnxCache | undefined;
  }): OnnxCache {
    const { pass, got, entries, context, contextCache } = parts;
    const { layers } = this.architecture;
    const rows = entries.length;
    const blocks = Array.from({ length: layers }, (_, layer): BlockKv => {
      const entered = entries.filter((entry) => entry <= layer).length;
      const keys = got[blockName.presentKeys(layer)];
      const values = got[blockName.presentValues(layer)];
      if (entered === rows) {
        return { keys: keys ?? missing(), values: values ?? missing() };
      }
      const span = { from: context.length, count: pass.length };
      const below = contextCache?.tokens(layer, span, this.architecture) ?? missing();
      const complete = (own: RuntimeTensor | undefined, clean: Float32Array): RuntimeTensor =>
        this.#completeRows(own, clean, { entered, rows, length: pass.length });
      return { keys: complete(keys, below.keys), values: complete(values, below.values) };
    });
    return new OnnxCache({ owner: this, rows, context, ownLength: pass.length, blocks });
  }

  /** Rows that have not entered yet take `clean`, `[kvHeads, length, headSize]`. */
  #completeRows(
    own: RuntimeTensor | undefined,
    clean: Float32Array,
    sizes: { readonly entered: number; readonly rows: number; readonly length: number },
  ): RuntimeTensor {
    const { kvHeads, headSize } = this.architecture;
    const { entered, rows, length } = sizes;
    const data = gatherRows(entered === 0 ? new Float32Array(0) : floatsOf(own), {
      kvHeads,
      rowCount: entered,
      width: length * headSize,
      rows: Array.from({ length: rows }, (_, row) => row),
      fallback: clean,
    });
    return this.#runtime.float32(data, [kvHeads, rows, length, headSize]);
  }
}

/**
 * Sorts patches into those of a row's own entry states, which are written here, and those inside the graph.
 * A later patch of the same place wins.
 */
function placePatches(
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
    const { site, layer } = inGraphTerms(patch) ?? missing();
    const slot = slotOf(site, layer);
    inGraph.set(`${slot}:${index}`, { slot, index, vector: patch.vector });
  }
  return { inputs: states, patches: [...inGraph.values()] };
}

/** A state as the graph has it: what block l reads is what block l - 1 puts out; there is nothing below block 0. */
function inGraphTerms(state: {
  readonly site: Site;
  readonly layer: number;
}): { readonly site: GraphSite; readonly layer: number } | undefined {
  if (state.site !== "resid_pre") {
    return { site: state.site, layer: state.layer };
  }
  return state.layer === 0 ? undefined : { site: "resid_post", layer: state.layer - 1 };
}

/** What a call of the decoder puts out. */
interface Needs {
  readonly taps: readonly Tap[];
  /** The last block's output, for the read-out. */
  readonly final: boolean;
  /** Keys and values. */
  readonly cache: boolean;
}

/** The graph's states that are needed, each once. */
function neededStates(
  { taps, final }: Needs,
  layers: number,
): readonly { readonly site: GraphSite; readonly layer: number }[] {
  const last = { site: "resid_post", layer: layers - 1 } as const;
  const states = [...taps.map(inGraphTerms), ...(final ? [last] : [])];
  const bySlot = new Map<number, { readonly site: GraphSite; readonly layer: number }>();
  for (const state of states) {
    if (state !== undefined) {
      bySlot.set(slotOf(state.site, state.layer), state);
    }
  }
  return [...bySlot.values()];
}

function presentBlocks(got: Readonly<Record<string, RuntimeTensor>>, layers: number): BlockKv[] {
  return Array.from({ length: layers }, (_, layer) => ({
    keys: got[blockName.presentKeys(layer)] ?? missing(),
    values: got[blockName.presentValues(layer)] ?? missing(),
  }));
}

/** 0 where a token may look, -inf where not: `[length, first + length]`. */
function causalMask(first: number, length: number): Float32Array {
  const keys = first + length;
  const mask = new Float32Array(length * keys);
  for (let offset = 0; offset < length; offset++) {
    mask.fill(-Infinity, offset * keys + first + offset + 1, (offset + 1) * keys);
  }
  return mask;
}

function missing(): never {
  throw new Error("bug: a tensor or row that must be there is missing");
}
