/** The options of every command that loads a model, and loading with progress. */
import { Option } from "@commander-js/extra-typings";
import type { Precision } from "../engine/engine.ts";
import type { Model } from "../models/model.ts";
import type { DeviceChoice, FindOptions, LoadedModel } from "../node.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { float16OnCpu, optionWrong } from "./errors.ts";
import type { Progress } from "./progress.ts";
import { parseCount } from "./references.ts";
import { scoutNote } from "./scout-note.ts";

export const DEFAULT_MODEL = "smollm2-135m-instruct";

export const MODEL_HELP =
  "a catalogue name, OWNER/NAME on the Hugging Face Hub, a folder in its layout, a .gguf or .safetensors file";

export interface ModelOptions {
  readonly precision: Precision;
  readonly device: DeviceChoice;
  readonly threads?: number | undefined;
  /** Bytes that the process may take, models and all. */
  readonly memory?: number | undefined;
  /** Whether what attention has of each head is read. */
  readonly heads?: boolean;
}

/** `--precision`, for commands that run a model. */
export function precisionOption(
  byDefault: Precision = "float32",
): Option<"--precision <kind>", undefined, Precision, Precision> {
  return new Option(
    "--precision <kind>",
    "float32; quantized: weights of a quantised file stay at 4 or 8 bits in memory; int8: fast, and only nearly the same; float16: on devices that compute in it",
  )
    .default(byDefault)
    .argParser((value) => parseName("--precision", value, PRECISIONS));
}

/** `--device`, for the same. */
export function deviceOption(): Option<"--device <name>", undefined, "cpu", DeviceChoice> {
  return new Option(
    "--device <name>",
    "where the model runs: cpu; cuda or webgpu, on a graphics processor; auto: the best that is here",
  )
    .default("cpu" as const)
    .argParser((value) => parseName("--device", value, DEVICE_CHOICES));
}

/** `--threads`, for the same. */
export function threadsOption(): Option<"--threads <n>", undefined, undefined, number> {
  return new Option(
    "--threads <n>",
    "threads of the engine (default: the machine's cores)",
  ).argParser(parseCount("--threads"));
}

/** `--memory`, for commands whose runs grow with what is asked. */
export function memoryOption(): Option<"--memory <size>", undefined, undefined, number> {
  return new Option(
    "--memory <size>",
    "what the program may take, such as 2GB, the model and all: fewer rows run at once (default: as many as are fast)",
  ).argParser(parseMemory);
}

/** What is left of the memory when the models are loaded, in bytes. */
export function memoryLeft({ memory }: Pick<ModelOptions, "memory">): number | undefined {
  return memory === undefined ? undefined : memory - process.memoryUsage.rss();
}

const UNITS = { kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 } as const;

function parseMemory(value: string): number {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([kmg]i?b)$/iu.exec(value.trim()) ?? [];
  const factor = Object.entries(UNITS).find(([name]) => name === unit.toLowerCase())?.[1];
  if (factor !== undefined && Number(amount) > 0) return Number(amount) * factor;
  throw optionWrong({ option: "--memory", expected: "a size such as 800MB or 2GB", got: value });
}

const PRECISIONS = ["float32", "quantized", "int8", "float16"] as const;
const DEVICE_CHOICES = ["cpu", "cuda", "webgpu", "auto"] as const;

function parseName<Name extends string>(
  option: string,
  value: string,
  names: readonly Name[],
): Name {
  const name = names.find((each) => each === value);
  if (name !== undefined) return name;
  throw optionWrong({ option, expected: `one of ${names.join(", ")}`, got: value });
}

/** Options that no machine can meet, to be called before anything is looked for. */
export function checkPrecision({
  precision,
  device,
}: Pick<ModelOptions, "precision" | "device">): void {
  if (precision === "float16" && device === "cpu") throw float16OnCpu();
}

/** What a loader is told of the device: where to run, and where to say that it runs elsewhere. */
export function deviceOptions(
  { device }: Pick<ModelOptions, "device">,
  context: CommandContext,
  progress: Progress,
): { readonly device: DeviceChoice; readonly onNote: (note: string) => void } {
  return {
    device,
    onNote: (text) => {
      noteOnce(text, context, progress);
    },
  };
}

/** Says something of how models run; of two models one says it for both. */
function noteOnce(text: string, context: CommandContext, progress: Progress): void {
  const notes = NOTES.get(context) ?? new Set();
  NOTES.set(context, notes);
  if (notes.has(text)) return;
  notes.add(text);
  progress.clear();
  context.terminal.note(`note: ${text}\n`);
}

/** What a command has said already. */
const NOTES = new WeakMap<CommandContext, Set<string>>();

/** Loads a model, lets `use` have it, and disposes of it whatever happens. */
export async function withLoadedModel<T>(
  parts: {
    readonly name: string;
    readonly options: ModelOptions;
    readonly context: CommandContext;
    readonly progress: Progress;
  },
  use: (loaded: LoadedModel) => Promise<T>,
): Promise<T> {
  const { name, options, context, progress } = parts;
  checkPrecision(options);
  const note = scoutNote(name, options.precision);
  if (note !== undefined) noteOnce(note, context, progress);
  // Loaded when it is needed: help and mistakes in options need no native runtime.
  const { loadModel } = await import("../node.ts");
  const loaded = await loadModel(name, {
    ...findOptions(context, progress),
    onLoading: () =>
      progress.show({ label: "Loading the model", done: 0, total: undefined, unit: "count" }),
    precision: options.precision,
    heads: options.heads ?? false,
    ...deviceOptions(options, context, progress),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  try {
    return await use(loaded);
  } finally {
    await loaded.dispose();
  }
}

/** Loads a spec's models: the source's, and the target's where that is another one. */
export async function withLoadedModels<T>(
  {
    spec,
    ...parts
  }: Omit<Parameters<typeof withLoadedModel>[0], "name"> & {
    readonly spec: PatchscopeSpec;
  },
  use: (loaded: LoadedModel, target: LoadedModel | undefined) => Promise<T>,
): Promise<T> {
  const { source, target } = spec;
  return withLoadedModel({ ...parts, name: source.model }, (loaded) =>
    target.model === "same"
      ? use(loaded, undefined)
      : withLoadedModel({ ...parts, name: target.model }, (other) => use(loaded, other)),
  );
}

/** The same for models without their weights, enough for plans. */
export async function withOpenModels<T>(
  {
    spec,
    ...parts
  }: Omit<Parameters<typeof withOpenModel>[0], "name"> & {
    readonly spec: PatchscopeSpec;
  },
  use: (model: Model, target: Model | undefined) => T | Promise<T>,
): Promise<T> {
  const { source, target } = spec;
  return withOpenModel({ ...parts, name: source.model }, (model) =>
    target.model === "same"
      ? use(model, undefined)
      : withOpenModel({ ...parts, name: target.model }, (other) => use(model, other)),
  );
}

/** Opens a model without its weights, enough for plans, and closes it whatever happens. */
async function withOpenModel<T>(
  parts: {
    readonly name: string;
    readonly context: CommandContext;
    readonly progress: Progress;
  },
  use: (model: Model) => T | Promise<T>,
): Promise<T> {
  const { findAndOpenModel } = await import("../node.ts");
  const model = await findAndOpenModel(parts.name, findOptions(parts.context, parts.progress));
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

/** How models are found, with downloads shown. */
export function findOptions({ signal }: CommandContext, progress: Progress): FindOptions {
  return {
    signal,
    onProgress: ({ label, received, total }) =>
      progress.show({ label: `Downloading ${label}`, done: received, total, unit: "bytes" }),
  };
}
