/**
 * What devices can and cannot do with the graph, whichever runtime drives them, and what happens where one is not to be
 * had. `node.ts` and `web.ts` find out whether it is.
 */
import { PatchscopesError } from "../../errors.ts";
import type { Engine, Precision } from "../engine.ts";
import type { Graph } from "./graph/graph-builder.ts";

/** What runs the operators. */
export type Device = "cpu" | "cuda" | "webgpu";

/** What is so on every machine; whether a device multiplies in float16 is asked of each. */
export interface DeviceFacts {
  readonly title: string;
  /** As `Runtime` has it. */
  readonly takesEmpty: boolean;
}

/** The table. */
export const DEVICES: Readonly<Record<Device, DeviceFacts>> = {
  cpu: { title: "The CPU", takesEmpty: true },
  // What its kernels make of empty tensors has not been tried, and what is sent along in their place is one row.
  cuda: { title: "CUDA", takesEmpty: false },
  // Its kernels bind no empty buffers, and refuse to start for none.
  webgpu: { title: "WebGPU", takesEmpty: false },
};

/** A kernel of WebGPU reads and writes at least this many buffers on every device, and one that needs more fails. */
const STORAGE_BUFFERS = 8;

/** WebGPU's part of a session's options. */
export interface WebGpuProvider {
  readonly name: "webgpu";
  readonly forceCpuNodeNames?: readonly string[];
}

/** What is fed for all blocks together is split where it is: its kernel binds a buffer for each piece. */
export function webGpuProvider({ nodes }: Pick<Graph, "nodes">): WebGpuProvider {
  const splits = nodes
    .filter(({ op, outputs }) => op === "Split" && outputs.length + 1 > STORAGE_BUFFERS)
    .map(({ name }) => name);
  return { name: "webgpu", ...(splits.length === 0 ? {} : { forceCpuNodeNames: splits }) };
}

/**
 * Loads on a device; where it is refused, on the CPU with a note. Not in float16, which the CPU does not compute in:
 * there the refusal is thrown.
 */
export async function loadOrFallBack<Wanted extends Device>(parts: {
  readonly device: Wanted;
  readonly precision: Precision | undefined;
  readonly note: (note: string) => void;
  readonly load: (device: Wanted | "cpu") => Promise<Engine>;
}): Promise<Engine> {
  const { device, precision, note, load } = parts;
  if (device === "cpu") return load("cpu");
  try {
    return await load(device);
  } catch (error) {
    const isRefused = error instanceof PatchscopesError && error.code === "engine";
    if (!isRefused || precision === "float16") throw error;
    const sentences = ["The model runs on the CPU.", error.message, error.hint];
    note(sentences.filter((each) => each !== undefined).join(" "));
  }
  return load("cpu");
}
