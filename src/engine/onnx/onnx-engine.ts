/**
 * The fast engine: runs passes on the instrumented graph of `graph/decoder-graph.ts`.
 * Two sessions with no weight in common: the blocks, and the read-out. Embeddings are looked up here.
 * Works on any {@link Runtime}; which one it is, is known to one file only.
 */
import type { Architecture, ModelDefinition } from "../architecture.ts";
import { enteredBy, entryOf, lengthOf, startOf } from "../engine.ts";
import type {
  Cache,
  DecodePass,
  Engine,
  EngineInfo,
  Matrix,
  Pass,
  PassOutput,
  Precision,
  PrefillPass,
  Transposed,
} from "../engine.ts";
import { assert } from "../../errors.ts";
import { isSite } from "../../site.ts";
import { checkDecode, checkIndex, checkPrefill } from "../check-pass.ts";
import {
  engineDisposed,
  float16Missing,
  foreignCache,
  headsNotOpen,
  loadingStopped,
  passAborted,
} from "../errors.ts";
import { firstRows, rowsOfAlike, stepOf } from "./alike.ts";
import { beforeOf, positionsBehind } from "./before.ts";
import { DeviceTokens } from "./device-tokens.ts";
import { embedder, type Embedder } from "./embedder.ts";
import { fillIn } from "./fill-in.ts";
import type { Forward } from "./forward.ts";
import { feedsOf, outputsOf, placePatches } from "./forward.ts";
import { buildDecoder } from "./graph/decoder-graph.ts";
import { blockName, stayingOutputs } from "./graph/decoder-io.ts";
import type { Graph } from "./graph/graph-builder.ts";
import { halfLinear } from "./graph/half-linear.ts";
import { int8Linear } from "./graph/int8-linear.ts";
import type { LinearWriter } from "./graph/linear.ts";
import { floatLinear } from "./graph/linear.ts";
import { quantizedLinear } from "./graph/quantized-linear.ts";
import { buildReadOut } from "./graph/read-out-graph.ts";
import { keptTokens } from "./kept-tokens.ts";
import type { SharedContext } from "./onnx-cache.ts";
import { emptyContext, floatsOf, missing, OnnxCache } from "./onnx-cache.ts";
import type { OwnKeys, OwnTokens } from "./own-tokens.ts";
import { Products } from "./products.ts";
import { readOut, type FinalStates } from "./read-out.ts";
import { readTap } from "./read-tap.ts";
import type { Feeds, Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";

/** How each precision keeps linear layers. */
export const LINEAR: Record<Precision, LinearWriter> = {
  float32: floatLinear,
  quantized: quantizedLinear,
  float16: halfLinear,
  int8: int8Linear,
};

/** What is the same on every runtime. */
export interface EngineOptions {
  /** How weights are kept; "float32" by default. */
  readonly precision?: Precision;
  /** Let taps read `q`, `k`, `v`, `z` and `pattern`. Not by default: such a graph takes a little longer to load. */
  readonly heads?: boolean;
  /** Stops the loading between two weights. */
  readonly signal?: AbortSignal | undefined;
}

/** Loads a model into a runtime. Throws `engine` for float16 where the device has none, and `aborted`. */
export async function createOnnxEngineOn(
  runtime: Runtime,
  model: ModelDefinition,
  { precision = "float32", heads = false, signal }: EngineOptions = {},
): Promise<Engine> {
  if (precision === "float16" && !runtime.float16) throw float16Missing(runtime.device);
  const staysOnDevice = runtime.memory !== undefined;
  const parts = { ...model, linear: LINEAR[precision], heads, staysOnDevice };
  const staying = staysOnDevice ? stayingOutputs(model.architecture.layers) : [];
  const sessions: RuntimeSession[] = [];
  try {
    sessions.push(await runtime.createSession(stoppable(buildDecoder(parts), signal), staying));
    sessions.push(await runtime.createSession(stoppable(buildReadOut(parts), signal)));
    const [decoder, head] = sessions;
    assert(decoder && head, "there are two graphs");
    const embedding = await embedder(model);
    const { architecture } = model;
    return new OnnxEngine({ runtime, architecture, decoder, head, embedding, precision, heads });
  } catch (error) {
    for (const session of sessions) await session.dispose();
    throw error;
  }
}

/** A graph whose weights are not read any more once the signal says so. */
function stoppable(graph: Graph, signal: AbortSignal | undefined): Graph {
  if (signal === undefined) return graph;
  const weights = [...graph.weights].map(([name, read]) => {
    const readUnlessStopped = async (): ReturnType<typeof read> => {
      if (signal.aborted) throw loadingStopped(signal.reason);
      return read();
    };
    return [name, readUnlessStopped] as const;
  });
  return { ...graph, weights: new Map(weights) };
}

interface OnnxParts {
  readonly runtime: Runtime;
  readonly architecture: Architecture;
  readonly decoder: RuntimeSession;
  readonly head: RuntimeSession;
  readonly embedding: Embedder;
  readonly precision: Precision;
  readonly heads: boolean;
}

class OnnxEngine implements Engine {
  readonly info: EngineInfo;
  readonly architecture: Architecture;
  readonly #runtime: Runtime;
  readonly #decoder: RuntimeSession;
  readonly #head: RuntimeSession;
  readonly #embed: Embedder;
  readonly #noContext: SharedContext;
  readonly #heads: boolean;
  readonly #products: Products;
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
    this.#heads = parts.heads;
    this.#products = new Products(runtime);
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
        this.#checkHeads(pass);
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
    return own.select(rows);
  }

  async multiply(left: Matrix, right: Matrix, transposed: Transposed): Promise<Float32Array> {
    this.#checkAlive();
    return this.#products.multiply(left, right, transposed);
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) {
      return;
    }
    this.#isDisposed = true;
    await this.#products.dispose();
    await this.#decoder.dispose();
    await this.#head.dispose();
  }

  #checkAlive(): void {
    if (this.#isDisposed) {
      throw engineDisposed();
    }
  }

  #checkHeads({ taps = [] }: PrefillPass): void {
    const tap = taps.find(({ site }) => !isSite(site));
    if (tap !== undefined && !this.#heads) {
      throw headsNotOpen(tap.site);
    }
  }

  #ownCache(cache: Cache): OnnxCache {
    if (cache instanceof OnnxCache && cache.owner === this) {
      return cache;
    }
    throw foreignCache();
  }

  async #prefill(pass: PrefillPass, signal?: AbortSignal): Promise<PassOutput> {
    const { architecture } = this;
    const { layers, hiddenSize } = architecture;
    const entries = pass.rows.map(entryOf);
    const inStack = entries.filter((entry) => entry < layers).length;
    const contextCache = pass.context && this.#ownCache(pass.context.cache);
    await contextCache?.own.bringHome();
    const before = beforeOf(pass, contextCache, {
      architecture,
      runtime: this.#runtime,
      noContext: this.#noContext,
    });
    const states = this.#entryStates(pass);
    const { inputs, patches } = placePatches(pass, states, hiddenSize);
    const taps = pass.taps ?? [];
    const keep = pass.keep === true;
    const forward: Forward = {
      entries,
      length: pass.length,
      join: inputs.subarray(0, inStack * pass.length * hiddenSize),
      context: before.context,
      ownLength: before.columns,
      room: before.columns,
      past: (layer, count) => before.past(layer, firstRows(count)),
      ragged: before.positions && {
        firsts: pass.rows.map((_, row) => startOf(pass, row)),
        ends: pass.rows.map((_, row) => startOf(pass, row) + lengthOf(pass, row)),
        keys: before.positions,
        rowsOf: (layer) => firstRows(enteredBy(layer, entries)),
      },
      patches,
      blocked: pass.blocked ?? [],
      needs: { taps, final: pass.read !== undefined, cache: keep ? "fresh" : "none" },
      heads: this.#heads,
    };
    const got = inStack === 0 ? {} : await this.#forward(forward);
    const finals: FinalStates = {
      indexOf: ({ row, offset }) => row * pass.length + offset,
      at: (index) => {
        // Rows that enter no block are read as they come.
        const isComputed = index < inStack * pass.length;
        const source = isComputed ? floatsOf(got[blockName.tap("resid_post", layers - 1)]) : inputs;
        return source.subarray(index * hiddenSize, (index + 1) * hiddenSize);
      },
    };
    return {
      taps: taps.map((tap) => readTap(tap, { got, forward, inputs, architecture })),
      read: pass.read === undefined ? undefined : await this.#read(pass.read, finals, signal),
      cache: keep
        ? new OnnxCache({
            owner: this,
            context: before.context,
            own: this.#ownKeys(keptTokens({ pass, before, got }, architecture, this.#runtime)),
            positions: positionsBehind(pass, before),
          })
        : undefined,
    };
  }

  async #decode(pass: DecodePass, signal?: AbortSignal): Promise<PassOutput> {
    const { layers, hiddenSize } = this.architecture;
    const cache = this.#ownCache(pass.cache);
    const { tokens, blocked = [] } = pass;
    const steps = stepOf(cache.own.alike, tokens, blocked);
    const step = cache.own.step(steps);
    const first = steps[0]?.from ?? missing();
    const { lengths } = cache;
    const states = new Float32Array(first.length * hiddenSize);
    for (const [place, row] of first.entries()) {
      const token = tokens[row] ?? missing();
      const position = lengths[row] ?? missing();
      this.#embed({ token, position }, states, place * hiddenSize);
    }
    const placeOf = (layer: number, row: number): number =>
      steps[layer]?.alike.of[row] ?? missing();
    const forward: Forward = {
      entries: first.map(() => 0),
      goOn: steps.map(({ from }) => from),
      length: 1,
      join: states,
      context: cache.context,
      ownLength: cache.own.length,
      room: step.room,
      past: step.past,
      pastRows: step.pastRows,
      ragged: cache.positions && {
        firsts: lengths,
        ends: lengths.map((before) => before + 1),
        keys: cache.positions,
        rowsOf: (layer) => rowsOfAlike(steps[layer]?.alike ?? missing()),
      },
      patches: [],
      blocked: blocked.map((edge) => ({ ...edge, row: placeOf(edge.layer, edge.row), from: 0 })),
      needs: { taps: [], final: true, cache: step.puts },
      heads: this.#heads,
    };
    const got = await this.#forward(forward, step.into);
    cache.extend(step, got);
    const computed = floatsOf(got[blockName.tap("resid_post", layers - 1)]);
    const finals: FinalStates = {
      indexOf: ({ row }) => placeOf(layers - 1, row),
      at: (index) => computed.subarray(index * hiddenSize, (index + 1) * hiddenSize),
    };
    return { taps: [], read: await this.#read(pass.read, finals, signal), cache };
  }

  /** Where the device has memory of its own, they stay there from the next step on. */
  #ownKeys(own: OwnTokens): OwnKeys {
    const { memory } = this.#runtime;
    return memory === undefined ? own : DeviceTokens.from(own, memory);
  }

  #read(
    read: DecodePass["read"],
    finals: FinalStates,
    signal: AbortSignal | undefined,
  ): Promise<NonNullable<PassOutput["read"]>> {
    return readOut({
      runtime: this.#runtime,
      session: this.#head,
      architecture: this.architecture,
      read,
      finals,
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
        // What fills up a row may be beyond the last position that there is.
        for (const [offset, token] of row.tokens.slice(0, lengthOf(pass, index)).entries()) {
          const position = startOf(pass, index) + offset;
          this.#embed({ token, position }, states, start + offset * width);
        }
      } else {
        states.set(row.states, start);
      }
    }
    return states;
  }

  async #forward(forward: Forward, into?: Feeds): Promise<Readonly<Record<string, RuntimeTensor>>> {
    const filled = fillIn(forward, this.architecture, this.#runtime);
    const feeds = feedsOf(filled.forward, this.architecture, this.#runtime);
    const outputs = outputsOf(filled.forward, this.architecture.layers);
    return filled.restore(await this.#decoder.run(feeds, outputs, into));
  }
}
