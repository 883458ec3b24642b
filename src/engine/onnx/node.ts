/** ONNX Runtime on Node's CPU: the one file that knows onnxruntime-node. */
import { basename, dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import ort from "onnxruntime-node";
import type { ModelDefinition } from "../architecture.ts";
import type { Engine } from "../engine.ts";
import { runtimeFailed } from "./errors.ts";
import { encodeModel } from "./graph/proto.ts";
import type { Graph } from "./graph/graph-builder.ts";
import { createOnnxEngineOn, type EngineOptions } from "./onnx-engine.ts";
import type { Feeds, Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";
import type { StoredWeights, WeightStore } from "./weight-store.ts";

/**
 * How long a thread waits for the next product with the processor in use: as long as small operations in between take.
 * Longer gains nothing, and where other programs want the processor it takes the turn away from the thread that is waited for.
 */
const SPIN_MICROSECONDS = "50";

/** What concerns ONNX Runtime on the CPU alone. */
export interface NodeRuntimeOptions {
  /** Threads of each operator; the machine's cores by default. */
  readonly threads?: number;
  /** Keeps the converted weights for the next time; without one they are converted each time. */
  readonly weightStore?: WeightStore | undefined;
  /** How the names of files begin that say, once the engine is disposed of, how long each operator took: JSON as Chrome's tracing reads it. */
  readonly profile?: string;
}

export interface OnnxOptions extends EngineOptions, NodeRuntimeOptions {}

/** Loads a model into ONNX Runtime on the CPU. Throws `engine` when the runtime refuses it, and `aborted`. */
export function createOnnxEngine(
  model: ModelDefinition,
  options: OnnxOptions = {},
): Promise<Engine> {
  return createOnnxEngineOn(nodeRuntime(options), model, options);
}

/** ONNX Runtime on the CPU. */
export function nodeRuntime(options: NodeRuntimeOptions = {}): Runtime {
  return {
    name: "onnx",
    device: "cpu",
    version: ort.env.versions.node ?? ort.env.versions.common,
    // The runtime would turn float16 weights into float32 on every pass.
    float16: false,
    takesEmpty: true,
    createSession: (graph) => createSession(graph, options),
    float32: (data, dims) => new ort.Tensor("float32", data, dims),
    int64: (data, dims) =>
      new ort.Tensor(
        "int64",
        data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt),
        dims,
      ),
  };
}

async function createSession(graph: Graph, options: NodeRuntimeOptions): Promise<RuntimeSession> {
  const stored = await options.weightStore?.weightsOf(graph);
  const session =
    stored === undefined
      ? await sessionFromMemory(graph, options)
      : await sessionFromFile(graph, stored, options);
  const isKept = stored?.done();
  return {
    run: async (feeds: Feeds, outputs: readonly string[], into: Feeds = {}) => {
      try {
        const fetches = Object.fromEntries(outputs.map((name) => [name, into[name] ?? null]));
        const results = await session.run(
          feeds as Record<string, ort.Tensor>,
          fetches as Record<string, ort.Tensor | null>,
        );
        return results as unknown as Record<string, RuntimeTensor>;
      } catch (cause) {
        throw runtimeFailed("failed while running", cause);
      }
    },
    dispose: async () => {
      await session.release();
      await isKept;
    },
  };
}

/** The runtime maps the file: weights are read when it needs them, and not kept in JavaScript. */
function sessionFromFile(
  graph: Graph,
  { path, layout }: StoredWeights,
  options: NodeRuntimeOptions,
): Promise<ort.InferenceSession> {
  return newSession(
    encodeModel(graph, { name: basename(path), layout }),
    sessionOptions(options, { model_external_initializers_file_folder_path: dirname(path) }),
  );
}

async function sessionFromMemory(
  graph: Graph,
  options: NodeRuntimeOptions,
): Promise<ort.InferenceSession> {
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const [path, read] of graph.weights) {
    externalData.push({ path, data: await read() });
  }
  try {
    return await newSession(encodeModel(graph), { ...sessionOptions(options), externalData });
  } finally {
    await freeNow(externalData.map(({ data }) => data));
  }
}

async function newSession(
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, options);
  } catch (cause) {
    throw runtimeFailed("could not load the model", cause);
  }
}

function sessionOptions(
  { threads, profile }: NodeRuntimeOptions,
  extra: Readonly<Record<string, string>> = {},
): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // Sizes differ from pass to pass: planning memory for each of them only costs memory.
    enableMemPattern: false,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    extra: {
      session: {
        force_spinning_stop: "1",
        "intra_op.spin_duration_us": SPIN_MICROSECONDS,
        ...extra,
      },
    },
  };
}

/**
 * Frees memory that only these arrays use, which the runtime has copied, without waiting for the collector: buffers go
 * where messages wait, and with the channel. They would be as large as the model while it runs.
 */
async function freeNow(arrays: readonly Uint8Array[]): Promise<void> {
  const buffers = new Set(arrays.map(({ buffer }) => buffer));
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(
    undefined,
    [...buffers].filter((buffer) => buffer instanceof ArrayBuffer),
  );
  port1.close();
  port2.close();
  // The channel is gone after its own turn of the event loop.
  await setImmediate();
  await setImmediate();
}
