/**
 * ONNX Runtime in browsers, workers and anything else that runs WebAssembly: the one file that knows onnxruntime-web.
 * "cpu" is WebAssembly; "webgpu" is a larger build of the same, loaded only when it is asked for.
 */
import type * as OrtModule from "onnxruntime-web";
import { assert, unreachable, type PatchscopesError } from "../../errors.ts";
import type { ModelDefinition } from "../architecture.ts";
import type { Engine, Precision } from "../engine.ts";
import { DEVICES, loadOrFallBack, webGpuProvider, type Device } from "./devices.ts";
import { deviceMissing, heapTooSmall, runtimeNotLoaded, runtimeFailed } from "./errors.ts";
import { encodeModel } from "./graph/proto.ts";
import type { Graph } from "./graph/graph-builder.ts";
import { createOnnxEngineOn, type EngineOptions } from "./onnx-engine.ts";
import type { DeviceMemory, Feeds, Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";

type Ort = typeof OrtModule;

/** WebAssembly's 32-bit addresses end here. */
const HEAP_BYTES = 2 ** 32;
/** For states, logits and the runtime itself. */
const WORKING_BYTES = 2 ** 28;
/** While a session is made, some weights stand in memory twice: as they came, and packed for its kernels. */
const HEAP_PER_WEIGHT_BYTE = 1.3;

/** What runs the operators. */
export type WebDevice = Exclude<Device, "cuda">;

export interface OnnxOptions extends EngineOptions {
  /**
   * "cpu" by default. Where "webgpu" is not to be had, the engine runs on the CPU and says so; but not in float16, which
   * the CPU does not compute in.
   */
  readonly device?: WebDevice;
  /**
   * Threads of each operator: by default the machine's cores, of more than four half of them. They need a page that is
   * cross-origin isolated; elsewhere there is one. The first engine of a page decides for all on the same device.
   */
  readonly threads?: number;
  /**
   * Where the page keeps the runtime's own files, as onnxruntime-web takes it: the address of their folder, ending in
   * a slash, or of each file. By default bundlers put them beside the script. The first engine of a page decides.
   */
  readonly wasmPaths?: string | { readonly mjs?: string | URL; readonly wasm?: string | URL };
  /** Told what is not as it was asked for; `console.warn` by default. */
  readonly onNote?: (note: string) => void;
}

/** Loads a model into ONNX Runtime. Throws `engine` when the runtime refuses it, and `aborted`. */
export async function createOnnxEngine(
  model: ModelDefinition,
  options: OnnxOptions = {},
): Promise<Engine> {
  const { device = "cpu", precision, onNote = warn } = options;
  return loadOrFallBack<WebDevice>({
    device,
    precision,
    note: onNote,
    load: async (each) => {
      const float16 = each === "webgpu" && (await checkWebGpu(precision));
      return createOn({ device: each, float16 }, model, options);
    },
  });
}

async function createOn(
  { device, float16 }: Pick<Runtime, "float16"> & { readonly device: WebDevice },
  model: ModelDefinition,
  options: OnnxOptions,
): Promise<Engine> {
  const host = await hostOf(device, options);
  const runtime: Runtime = {
    name: "onnx-web",
    device,
    version: host.ort.env.versions.web ?? host.ort.env.versions.common,
    takesEmpty: DEVICES[device].takesEmpty,
    float16,
    memory: device === "webgpu" ? webGpuMemory(host) : undefined,
    createSession: (graph, staying) =>
      host.inTurn(() => createSession(host, { device, graph, staying })),
    float32: (data, dims) => new host.ort.Tensor("float32", data, dims),
    int64: (data, dims) =>
      new host.ort.Tensor(
        "int64",
        data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt),
        dims,
      ),
    int32: (data, dims) => new host.ort.Tensor("int32", Int32Array.from(data), dims),
  };
  return createOnnxEngineOn(runtime, model, options);
}

function webGpuMemory(host: Host): DeviceMemory {
  return {
    read: (tensors) =>
      host.inTurn(async () => {
        const read: RuntimeTensor[] = [];
        for (const tensor of tensors.map((each) => ofHost(host, each))) {
          const data = await tensor.getData();
          assert(data instanceof Float32Array, "keys and values are float32");
          read.push(new host.ort.Tensor("float32", data, tensor.dims));
        }
        return read;
      }),
    free: (tensor) => {
      ofHost(host, tensor).dispose();
    },
  };
}

function ofHost(host: Host, tensor: RuntimeTensor): OrtModule.Tensor {
  assert(tensor instanceof host.ort.Tensor, "the tensor is this runtime's");
  return tensor;
}

/** A build of the runtime in this page: one memory, one set of threads, one thing at a time. */
interface Host {
  readonly ort: Ort;
  /** Bytes of weights in the memory of WebAssembly. */
  weightBytes: number;
  inTurn<T>(task: () => Promise<T>): Promise<T>;
}

const hosts = new Map<WebDevice, Promise<Host>>();

function hostOf(device: WebDevice, options: OnnxOptions): Promise<Host> {
  const known = hosts.get(device);
  if (known !== undefined) {
    return known;
  }
  const made = loadHost(device, options);
  hosts.set(device, made);
  // What could not be loaded may be there the next time.
  made.catch(() => hosts.delete(device));
  return made;
}

async function loadHost(device: WebDevice, options: OnnxOptions): Promise<Host> {
  let ort: Ort;
  try {
    ort = await importBuild(device);
  } catch (cause) {
    throw runtimeNotLoaded(cause);
  }
  const { wasm } = ort.env;
  wasm.numThreads = threadsOf(options);
  if (options.wasmPaths !== undefined) {
    wasm.wasmPaths = options.wasmPaths;
  }
  let last: Promise<unknown> = Promise.resolve();
  return {
    ort,
    weightBytes: 0,
    inTurn: (task) => {
      const next = last.then(task);
      last = next.catch(() => undefined);
      return next;
    },
  };
}

/** Two builds: the one for WebGPU is twice as large, and a bundler loads only the one that is asked for. */
function importBuild(device: WebDevice): Promise<Ort> {
  switch (device) {
    case "cpu":
      return import("onnxruntime-web/wasm");
    case "webgpu":
      return import("onnxruntime-web/webgpu");
    default:
      return unreachable(device);
  }
}

function threadsOf({ threads, onNote = warn }: OnnxOptions): number {
  const canShare = !("crossOriginIsolated" in globalThis) || globalThis.crossOriginIsolated;
  if (!canShare) {
    if (threads !== undefined && threads > 1) {
      onNote("The page is not cross-origin isolated, so the model runs on one thread.");
    }
    return 1;
  }
  const cores = "navigator" in globalThis ? navigator.hardwareConcurrency : 1;
  return threads ?? Math.min(cores, Math.max(4, Math.ceil(cores / 2)));
}

async function createSession(
  host: Host,
  {
    device,
    graph,
    staying = [],
  }: {
    readonly device: WebDevice;
    readonly graph: Graph;
    readonly staying?: readonly string[] | undefined;
  },
): Promise<RuntimeSession> {
  const bytes = device === "cpu" ? weightBytesOf(graph) : 0;
  const needed = Math.ceil(bytes * HEAP_PER_WEIGHT_BYTE);
  const used = Math.ceil(host.weightBytes * HEAP_PER_WEIGHT_BYTE);
  if (needed + used + WORKING_BYTES > HEAP_BYTES) {
    throw heapTooSmall({ needed, used, limit: HEAP_BYTES - WORKING_BYTES });
  }
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const [path, read] of graph.weights) {
    externalData.push({ path, data: await read() });
  }
  let session: OrtModule.InferenceSession;
  try {
    session = await host.ort.InferenceSession.create(encodeModel(graph), {
      executionProviders: [device === "cpu" ? "wasm" : webGpuProvider(graph)],
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      // Sizes differ from pass to pass: planning memory for each of them only costs memory.
      enableMemPattern: false,
      externalData,
      ...(staying.length > 0 && {
        preferredOutputLocation: Object.fromEntries(
          staying.map((name) => [name, "gpu-buffer"] as const),
        ),
      }),
    });
  } catch (cause) {
    throw runtimeFailed("could not load the model", cause, device);
  } finally {
    freeNow(externalData.map(({ data }) => data));
  }
  host.weightBytes += bytes;
  return {
    run: (feeds, outputs) => host.inTurn(() => run(session, device, feeds, outputs)),
    dispose: () =>
      host.inTurn(async () => {
        await session.release();
        host.weightBytes -= bytes;
      }),
  };
}

async function run(
  session: OrtModule.InferenceSession,
  device: WebDevice,
  feeds: Feeds,
  outputs: readonly string[],
): Promise<Readonly<Record<string, RuntimeTensor>>> {
  try {
    const results = await session.run(feeds as Record<string, OrtModule.Tensor>, [...outputs]);
    return results as unknown as Record<string, RuntimeTensor>;
  } catch (cause) {
    throw runtimeFailed("failed while running", cause, device);
  }
}

function weightBytesOf({ initializers }: Graph): number {
  return initializers.reduce(
    (sum, each) => sum + (each.kind === "external" ? each.byteLength : 0),
    0,
  );
}

/** Frees memory that the runtime has copied without waiting for the collector, where the browser can. */
function freeNow(arrays: readonly Uint8Array[]): void {
  for (const buffer of new Set(arrays.map((array) => array.buffer))) {
    if (buffer instanceof ArrayBuffer && "transfer" in buffer) {
      buffer.transfer(0);
    }
  }
}

/**
 * Whether the graphics processor multiplies in float16.
 * @throws `engine` where a page cannot use one
 */
async function checkWebGpu(precision: Precision | undefined): Promise<boolean> {
  const missing = (reason: string): PatchscopesError =>
    deviceMissing({ device: "webgpu", reason, precision });
  if (!("navigator" in globalThis) || !("gpu" in navigator)) {
    throw missing("this browser has none, or the page is not from a secure origin");
  }
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) {
    throw missing("the browser has found no adapter");
  }
  return adapter.features.has("shader-f16");
}

function warn(note: string): void {
  // The one place where a page's author looks.
  // eslint-disable-next-line no-console
  console.warn(`patchscopes: ${note}`);
}
