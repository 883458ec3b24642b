/**
 * The oracle: a transformer in plain TypeScript behind the engine port. Every row runs alone, token by
 * token, with whole lists for keys and values; it is slow and easy to check. Anything faster is compared
 * with it.
 */
import { assert } from "../../errors.ts";
import type { Architecture, ModelDefinition } from "../architecture.ts";
import {
  entryOf,
  lengthOf,
  startOf,
  type Cache,
  type DecodePass,
  type Edge,
  type Engine,
  type EngineInfo,
  type Pass,
  type PassOutput,
  type PrefillPass,
  type Patch,
  type Read,
  type ReadOut,
  type Row,
} from "../engine.ts";
import { firstPositions, NO_KEYS, type Blocks, type KeysValues } from "./attention.ts";
import { runBlock, type Visit } from "./block.ts";
import { ReferenceCache, type RowCache } from "./cache.ts";
import { checkDecode, checkIndex, checkPrefill } from "../check-pass.ts";
import { cacheDisposed, engineDisposed, foreignCache, passAborted } from "../errors.ts";
import { inModelOrder } from "../head-order.ts";
import { scaleVector, toFlat, toSequence } from "./linear.ts";
import { loadParameters, type Parameters } from "./parameters.ts";
import { logitsOf, readOut } from "./read-out.ts";

/** Loads all weights as float32 and answers passes with them. */
export async function createReferenceEngine(model: ModelDefinition): Promise<Engine> {
  return new ReferenceEngine(model.architecture, await loadParameters(model));
}

/** What a row reads, where it starts and what it stands behind. */
interface RowRun {
  readonly entry: number;
  /** What block `entry` reads, a vector a position. */
  readonly states: readonly Float32Array[];
  /** Keys and values that a block has before the row's first token. */
  readonly past: (layer: number) => KeysValues;
  readonly visit: (layer: number) => Visit;
  readonly blocks: (layer: number) => Blocks;
}

class ReferenceEngine implements Engine {
  readonly info: EngineInfo = {
    name: "reference",
    device: "cpu",
    version: "1",
    precision: "float32",
  };
  readonly architecture: Architecture;
  readonly #parameters: Parameters;
  readonly #caches = new WeakSet<Cache>();
  #isDisposed = false;

  constructor(architecture: Architecture, parameters: Parameters) {
    this.architecture = architecture;
    this.#parameters = parameters;
  }

  async run(pass: Pass, signal?: AbortSignal): Promise<PassOutput> {
    if (this.#isDisposed) {
      throw engineDisposed();
    }
    await throwIfAborted(signal);
    return pass.kind === "prefill" ? this.#prefill(pass, signal) : this.#decode(pass, signal);
  }

  select(cache: Cache, rows: readonly number[]): Cache {
    const contents = this.#contentsOf(cache);
    const chosen = rows.flatMap((row) => {
      checkIndex("Row", row, cache.rows);
      return contents.slice(row, row + 1);
    });
    return this.#keep(
      chosen,
      rows.map((row) => cache.lengths[row] ?? 0),
    );
  }

  dispose(): Promise<void> {
    this.#isDisposed = true;
    return Promise.resolve();
  }

  async #prefill(pass: PrefillPass, signal: AbortSignal | undefined): Promise<PassOutput> {
    const context = pass.context === undefined ? [] : this.#contentsOf(pass.context.cache);
    checkPrefill(pass, this.architecture);
    const tapped = (pass.taps ?? []).map((): Float32Array[] => []);
    const finals: (readonly Float32Array[])[] = [];
    const kept: RowCache[] = [];
    for (const [index, row] of pass.rows.entries()) {
      const entry = entryOf(row);
      const start = startOf(pass, index);
      const end = start + lengthOf(pass, index);
      const behind = context[contextRowOf(pass, index)];
      const before = (layer: number, length: number): KeysValues =>
        firstPositions(behind?.[layer] ?? NO_KEYS, length);
      const ran = await this.#runRow(
        {
          entry,
          states: this.#statesOf(row, start).slice(0, end - start),
          past: (layer) => before(layer, start),
          visit: (layer) => visitOf(pass, { row: index, entry, layer, tapped }),
          blocks: blocksOf(pass.blocked ?? [], index),
        },
        signal,
      );
      const below = Array.from({ length: entry }, (_, layer) => before(layer, end));
      finals.push(ran.states);
      kept.push([...below, ...ran.kept]);
    }
    return {
      taps: tapped.map((vectors, index) => {
        const tap = pass.taps?.[index];
        assert(tap, "every list is a tap's");
        return inModelOrder(toFlat(vectors), tap, this.architecture);
      }),
      read: pass.read === undefined ? undefined : this.#readOut(pass.read, finals),
      cache:
        pass.keep === true
          ? this.#keep(
              kept,
              pass.rows.map((_, row) => startOf(pass, row) + lengthOf(pass, row)),
            )
          : undefined,
    };
  }

  async #decode(pass: DecodePass, signal: AbortSignal | undefined): Promise<PassOutput> {
    const contents = this.#contentsOf(pass.cache);
    assert(pass.cache instanceof ReferenceCache, "a known cache is of this engine's class");
    checkDecode(pass, this.architecture);
    const finals: (readonly Float32Array[])[] = [];
    const kept: RowCache[] = [];
    for (const [index, row] of contents.entries()) {
      const ran = await this.#runRow(
        {
          entry: 0,
          states: this.#embed(
            [...pass.tokens.subarray(index, index + 1)],
            pass.cache.lengths[index] ?? 0,
          ),
          past: (layer) => row[layer] ?? NO_KEYS,
          visit: () => () => undefined,
          blocks: blocksOf(
            (pass.blocked ?? []).map((edge) => ({ ...edge, from: 0 })),
            index,
          ),
        },
        signal,
      );
      finals.push(ran.states);
      kept.push(ran.kept);
    }
    pass.cache.lengthen(kept);
    return { taps: [], read: this.#readOut(pass.read, finals), cache: pass.cache };
  }

  async #runRow(
    row: RowRun,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly states: readonly Float32Array[]; readonly kept: RowCache }> {
    let states = row.states;
    const kept: KeysValues[] = [];
    for (const [layer, block] of this.#parameters.blocks.entries()) {
      if (layer < row.entry) {
        continue;
      }
      await throwIfAborted(signal);
      const ran = runBlock(block, states, row.past(layer), {
        visit: row.visit(layer),
        blocks: row.blocks(layer),
      });
      states = ran.residPost;
      kept.push(ran.kept);
    }
    return { states, kept };
  }

  #statesOf(row: Row, start: number): Float32Array[] {
    return "states" in row
      ? toSequence(row.states, this.architecture.hiddenSize)
      : this.#embed(row.tokens, start);
  }

  /** What block 0 reads for tokens from position `start` on. */
  #embed(tokens: readonly number[], start: number): Float32Array[] {
    const { hiddenSize, embeddingScale } = this.architecture;
    const { embedding, positions } = this.#parameters;
    return tokens.map((token, offset) => {
      const ofToken = embedding.slice(token * hiddenSize, (token + 1) * hiddenSize);
      const at = (start + offset) * hiddenSize;
      return scaleVector(ofToken, embeddingScale).map(
        (value, i) => value + (positions?.[at + i] ?? 0),
      );
    });
  }

  #readOut(read: Read, finals: readonly (readonly Float32Array[])[]): ReadOut {
    const logits = read.at.map(({ row, offset }) => {
      const state = finals[row]?.[offset];
      assert(state, "a checked place has a final state");
      return logitsOf(this.#parameters, this.architecture, state);
    });
    return readOut(read, logits, this.architecture.vocabSize);
  }

  #keep(contents: readonly RowCache[], lengths: readonly number[]): Cache {
    const cache = new ReferenceCache(contents, lengths);
    this.#caches.add(cache);
    return cache;
  }

  #contentsOf(cache: Cache): readonly RowCache[] {
    if (this.#isDisposed) {
      throw engineDisposed();
    }
    if (!(cache instanceof ReferenceCache) || !this.#caches.has(cache)) {
      throw foreignCache();
    }
    if (cache.contents === undefined) {
      throw cacheDisposed();
    }
    return cache.contents;
  }
}

/** The row of the context's cache that stands before a row. */
function contextRowOf({ context }: PrefillPass, row: number): number {
  return context !== undefined && "rows" in context ? (context.rows[row]?.row ?? 0) : 0;
}

/** The edges of one row, by layer. */
function blocksOf(blocked: readonly Edge[], row: number): RowRun["blocks"] {
  return (layer) => {
    const edges = blocked.filter((edge) => edge.row === row && edge.layer === layer);
    const cut = new Set(edges.map(({ from, to }) => `${from} ${to}`));
    return (offset, key) => cut.has(`${offset} ${key}`);
  };
}

/** Writes the patches of one row and layer in their order, then hands the states to the taps. */
function visitOf(
  pass: PrefillPass,
  at: {
    readonly row: number;
    readonly entry: number;
    readonly layer: number;
    readonly tapped: readonly Float32Array[][];
  },
): Visit {
  const patches = (pass.patches ?? [])
    .filter((patch) => patch.row === at.row)
    .map((patch) => ({ ...patch, ...whereWritten(patch, at.entry) }))
    .filter((patch) => patch.layer === at.layer);
  return (site, states) => {
    for (const patch of patches.filter((candidate) => candidate.site === site)) {
      states[patch.offset]?.set(patch.vector);
    }
    for (const [index, tap] of (pass.taps ?? []).entries()) {
      if (tap.site === site && tap.layer === at.layer) {
        const filler = states.slice(0, 1).map((state) => new Float32Array(state.length));
        const missing = Math.max(0, pass.length - lengthOf(pass, at.row));
        at.tapped[index]?.push(...states.map((state) => state.slice()));
        for (let n = 0; n < missing; n++) at.tapped[index]?.push(...filler);
      }
    }
  };
}

/** What a block reads and what the one below returns are one place; the row's entry has none below. */
function whereWritten({ site, layer }: Patch, entry: number): Pick<Patch, "site" | "layer"> {
  return site === "resid_pre" && layer > entry
    ? { site: "resid_post", layer: layer - 1 }
    : { site, layer };
}

/** Gives way to other work, then throws `aborted` where the signal asks for it. */
async function throwIfAborted(signal: AbortSignal | undefined): Promise<void> {
  await Promise.resolve();
  if (signal?.aborted === true) {
    throw passAborted(signal.reason);
  }
}
