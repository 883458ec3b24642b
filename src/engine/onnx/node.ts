/** ONNX Runtime in Node, on the CPU, CUDA or WebGPU: the one file that knows onnxruntime-node. */
import { createRequire } from "node:module";
import { basename, dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import ort from "onnxruntime-node";
import { assert, type PatchscopesError } from "../../errors.ts";
import type { ModelDefinition } from "../architecture.ts";
import type { Engine, Precision } from "../engine.ts";
import { type Absence, hasProcessor, notBegun, notBuiltIn } from "./device-hints-node.ts";
import { type Device, DEVICES, loadOrFallBack, webGpuProvider } from "./devices.ts";
import { deviceMissing, runtimeFailed } from "./errors.ts";
import { COPY, copyGraph } from "./graph/copy-graph.ts";
import { encodeModel } from "./graph/proto.ts";
import { probeGraph } from "./graph/probe-graph.ts";
import type { Graph } from "./graph/graph-builder.ts";
import { createOnnxEngineOn, type EngineOptions } from "./onnx-engine.ts";
import type { DeviceMemory, Feeds, Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";
import type { StoredWeights, WeightStore } from "./weight-store.ts";

/**
 * How long a thread waits for the next product with the processor in use: as long as small operations in between take.
 * Longer gains nothing, and where other programs want the processor it takes the turn away from the thread that is waited for.
 */
const SPIN_MICROSECONDS = "50";

/** What concerns ONNX Runtime in Node alone. */
export interface NodeRuntimeOptions {
  /** Threads of each operator that the CPU computes; the machine's cores by default. */
  readonly threads?: number;
  /** Keeps the converted weights for the next time; without one they are converted each time. */
  readonly weightStore?: WeightStore | undefined;
  /** How the names of files begin that say, once the engine is disposed of, how long each operator took: JSON as Chrome's tracing reads it. */
  readonly profile?: string;
}

/** What runs the operators; "auto" is the first of CUDA and WebGPU that has a processor here, or else the CPU. */
export type DeviceChoice = Device | "auto";

export interface OnnxOptions extends EngineOptions, NodeRuntimeOptions {
  /**
   * "cpu" by default. Where another is not to be had, the engine runs on the CPU and says so; but not in float16, which
   * the CPU does not compute in.
   */
  readonly device?: DeviceChoice;
  /** Told what is not as it was asked for; `Engine.info` says what runs in any case. */
  readonly onNote?: (note: string) => void;
}

/** Loads a model into ONNX Runtime. Throws `engine` when the runtime refuses it, and `aborted`. */
export async function createOnnxEngine(
  model: ModelDefinition,
  options: OnnxOptions = {},
): Promise<Engine> {
  const { device: choice = "cpu", precision, onNote: note = () => undefined } = options;
  const device = choice === "auto" ? await bestDevice(precision) : choice;
  return loadOrFallBack({
    device,
    precision,
    note,
    load: async (each) => {
      const float16 = each === "cpu" ? false : await checkDevice(each, precision);
      if (each === "webgpu" && !hasProcessor(each)) note(IN_SOFTWARE);
      const runtime = { ...nodeRuntime(options, each), float16 };
      return createOnnxEngineOn(runtime, model, options);
    },
  });
}

const IN_SOFTWARE =
  'There is no graphics processor: WebGPU runs in software here, which is slower than the device "cpu".';

/** ONNX Runtime on a device that is there. */
export function nodeRuntime(options: NodeRuntimeOptions = {}, device: Device = "cpu"): Runtime {
  return {
    name: "onnx",
    device,
    version: ort.env.versions.node ?? ort.env.versions.common,
    // The CPU would turn float16 weights into float32 on every pass; of other devices each is asked.
    float16: false,
    takesEmpty: DEVICES[device].takesEmpty,
    memory: device === "webgpu" ? webGpuMemory(device) : undefined,
    createSession: (graph, staying) => createSession(graph, { ...options, device, staying }),
    float32: (data, dims) => new ort.Tensor("float32", data, dims),
    int64: (data, dims) =>
      new ort.Tensor(
        "int64",
        data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt),
        dims,
      ),
    int32: (data, dims) => new ort.Tensor("int32", Int32Array.from(data), dims),
  };
}

/**
 * The runtime keeps buffers of WebGPU only, not of CUDA. It reads them where a graph puts them out; what it has for that
 * itself, `getData`, ends the process.
 */
function webGpuMemory(device: Device): DeviceMemory {
  return {
    read: async (tensors) => {
      if (tensors.length === 0) return [];
      const copy = await createSession(copyGraph(), { device });
      try {
        const read: RuntimeTensor[] = [];
        for (const tensor of tensors) {
          const { [COPY.output]: got } = await copy.run({ [COPY.input]: tensor }, [COPY.output]);
          assert(got, "what is copied is put out");
          read.push(got);
        }
        return read;
      } finally {
        await copy.dispose();
      }
    },
    free: (tensor) => {
      assert(tensor instanceof ort.Tensor, "what is freed is this runtime's");
      tensor.dispose();
    },
  };
}

async function bestDevice(precision: Precision | undefined): Promise<Device> {
  for (const device of ["cuda", "webgpu"] as const) {
    const multiplies = async (): Promise<boolean> =>
      (await checkDevice(device, precision)) || precision !== "float16";
    if (hasProcessor(device) && (await multiplies().catch(() => false))) return device;
  }
  return "cpu";
}

/**
 * Whether a device multiplies in float16, which is asked only where it matters.
 * @throws `engine` where the device is not to be had
 */
async function checkDevice(
  device: Exclude<Device, "cpu">,
  precision: Precision | undefined,
): Promise<boolean> {
  const missing = (absence: Absence): PatchscopesError =>
    deviceMissing({ device, precision, ...absence });
  if (!ort.listSupportedBackends().some(({ name }) => name === device)) {
    throw missing(notBuiltIn(device));
  }
  // What fails here is said in a note; the runtime would write of it to the terminal as well.
  ort.env.logLevel = "fatal";
  // Else products of float32 on NVIDIA's processors have 10 bits behind the point, and results are other ones.
  if (device === "cuda") process.env["NVIDIA_TF32_OVERRIDE"] ??= "0";
  try {
    await probe(device, "float32");
  } catch (cause) {
    throw missing(notBegun(device, cause, packageFolder()));
  }
  if (precision !== "float16") return false;
  return probe(device, "float16").then(
    () => true,
    () => false,
  );
}

/** Only running shows what a device can do: shaders are compiled for the first pass. */
async function probe(device: Exclude<Device, "cpu">, type: "float32" | "float16"): Promise<void> {
  const graph = probeGraph(type);
  const options = sessionOptions({ graph, device, extra: { disable_cpu_ep_fallback: "1" } });
  const session = await ort.InferenceSession.create(encodeModel(graph), {
    ...options,
    logSeverityLevel: 4,
  });
  try {
    await session.run({ x: new ort.Tensor("float32", new Float32Array(4), [2, 2]) });
  } finally {
    await session.release();
  }
}

function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
}

async function createSession(
  graph: Graph,
  {
    device,
    threads,
    profile,
    weightStore,
    staying = [],
  }: NodeRuntimeOptions & {
    readonly device: Device;
    readonly staying?: readonly string[] | undefined;
  },
): Promise<RuntimeSession> {
  const stored = await weightStore?.weightsOf(graph);
  const parts = { graph, device, threads, profile, staying };
  const made = stored === undefined ? sessionFromMemory(parts) : sessionFromFile(parts, stored);
  const session = await made.catch(async (error: unknown) => {
    // The weights are whole even so.
    await stored?.done();
    throw error;
  });
  const isKept = stored?.done();
  return {
    run: async (feeds: Feeds, outputs: readonly string[], into: Feeds = {}) => {
      // Where outputs stay on the device, the runtime takes places for those that are asked for by their number among all.
      const names = staying.length > 0 ? session.outputNames : outputs;
      try {
        const fetches = Object.fromEntries(names.map((name) => [name, into[name] ?? null]));
        const results = await session.run(
          feeds as Record<string, ort.Tensor>,
          fetches as Record<string, ort.Tensor | null>,
        );
        const wanted = new Set(outputs);
        for (const name of staying) if (!wanted.has(name)) results[name]?.dispose();
        const got = Object.entries(results).filter(([name]) => wanted.has(name));
        return Object.fromEntries(got) as unknown as Record<string, RuntimeTensor>;
      } catch (cause) {
        throw runtimeFailed("failed while running", cause, device);
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
  parts: SessionParts,
  { path, layout }: StoredWeights,
): Promise<ort.InferenceSession> {
  const extra = { model_external_initializers_file_folder_path: dirname(path) };
  return newSession(
    parts.device,
    encodeModel(parts.graph, { name: basename(path), layout }),
    sessionOptions({ ...parts, extra }),
  );
}

async function sessionFromMemory(parts: SessionParts): Promise<ort.InferenceSession> {
  const { graph } = parts;
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const [path, read] of graph.weights) {
    externalData.push({ path, data: await read() });
  }
  try {
    const options = { ...sessionOptions(parts), externalData };
    return await newSession(parts.device, encodeModel(graph), options);
  } finally {
    await freeNow(externalData.map(({ data }) => data));
  }
}

async function newSession(
  device: Device,
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, options);
  } catch (cause) {
    throw runtimeFailed("could not load the model", cause, device);
  }
}

interface SessionParts {
  readonly graph: Graph;
  readonly device: Device;
  readonly threads?: number | undefined;
  readonly profile?: string | undefined;
  /** Outputs that stay on the device. */
  readonly staying?: readonly string[];
  /** Settings of the session beside the usual ones, by the runtime's own names. */
  readonly extra?: Readonly<Record<string, string>>;
}

function sessionOptions({
  graph,
  device,
  threads,
  profile,
  staying = [],
  extra = {},
}: SessionParts): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: [device === "webgpu" ? webGpuProvider(graph) : device],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // Sizes differ from pass to pass: planning memory for each of them only costs memory.
    enableMemPattern: false,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(staying.length > 0 && {
      preferredOutputLocation: Object.fromEntries(
        staying.map((name) => [name, "gpu-buffer"] as const),
      ),
    }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    extra: {
      session: {
        force_spinning_stop: "1",
        // Without it, processors that have AVX2 and no VNNI cap sums of two products of int8 at 16 bits, and results are wrong.
        x64quantprecision: "1",
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
