/** Sentences for what runtimes refuse, and for what a page or a machine lacks. */
import { memoryShort, PatchscopesError } from "../../errors.ts";
import type { Precision } from "../engine.ts";
import { DEVICES, type Device } from "./devices.ts";

const SMALLER = `Use the precision "quantized", which needs a quarter of the memory for most files, or a smaller model.`;
const ON_CPU = `the device "cpu", with the precision "float32" or "quantized"`;

/** Weights that WebAssembly's memory cannot hold beside what it holds already. */
export function heapTooSmall(facts: {
  readonly needed: number;
  readonly used: number;
  readonly limit: number;
}): PatchscopesError {
  const mebibytes = (bytes: number): string =>
    `${Math.ceil(bytes / 2 ** 20).toLocaleString("en")} MiB`;
  const beside = facts.used === 0 ? "" : `, beside ${mebibytes(facts.used)} that are in use`;
  return new PatchscopesError({
    code: "engine",
    message: `The model needs ${mebibytes(facts.needed)} of WebAssembly's memory${beside}: it has ${mebibytes(facts.limit)}.`,
    hint: facts.needed > facts.limit ? SMALLER : `Dispose of other engines first. ${SMALLER}`,
  });
}

/** A device that is not to be had. The note of the fall-back takes the hint along, so it says only what brings the device. */
export function deviceMissing(facts: {
  readonly device: Device;
  readonly reason: string;
  readonly fix?: string | undefined;
  readonly precision: Precision | undefined;
}): PatchscopesError {
  const { device, reason, fix, precision } = facts;
  // In float16 nothing runs in its place.
  const other = fix === undefined ? `Use ${ON_CPU}.` : `${fix} Or use ${ON_CPU}.`;
  return new PatchscopesError({
    code: "engine",
    message: `${DEVICES[device].title} is not available: ${reason}.`,
    hint: precision === "float16" ? other : fix,
  });
}

/** The runtime's own files are not where they should be. */
export function runtimeNotLoaded(cause: unknown): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `onnxruntime-web could not be loaded: ${reasonOf(cause)}`,
    hint: "Install it beside patchscopes, and see that its .wasm file is served; wasmPaths says from where.",
    cause,
  });
}

/** The runtime refused a model, or a pass. */
export function runtimeFailed(what: string, cause: unknown, device: Device): PatchscopesError {
  const reason = reasonOf(cause);
  const place = device === "cpu" ? "" : ` on ${DEVICES[device].title}`;
  if (OUT_OF_MEMORY.test(reason)) return memoryShort(`ONNX Runtime ${what}${place}`, cause);
  const elsewhere = device === "cpu" ? "" : ` The device "cpu" often has more memory.`;
  return new PatchscopesError({
    code: "engine",
    message: `ONNX Runtime ${what}: ${reason}`,
    hint: `Not enough memory is the usual reason. ${SMALLER}${elsewhere}`,
    cause,
  });
}

// The arena's words, the C++ library's, and those of WebAssembly.
const OUT_OF_MEMORY = /failed to allocate memory|bad_?\s?alloc|out of memory/iu;

function reasonOf(cause: unknown): string {
  const message = (cause instanceof Error ? cause.message : String(cause)).trim();
  return nvidiaFailure(message) ?? message;
}

/** What one of NVIDIA's libraries says, amid the places in the runtime's code and the machine's name. */
export function nvidiaFailure(message: string): string | undefined {
  return /\b[A-Z]+ failure \d+: [^;\n]*[^;\s.]/u.exec(message)?.[0];
}
