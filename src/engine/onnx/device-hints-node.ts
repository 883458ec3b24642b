/**
 * Why a device is not to be had in Node, and what would bring it: in words, from what the machine has. That it is not
 * is found out by `node.ts`.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { Device } from "./devices.ts";
import { nvidiaFailure } from "./errors.ts";

type Processor = Exclude<Device, "cpu">;

/** A reason, which stands behind a colon, and a sentence or two on what to do. */
export interface Absence {
  readonly reason: string;
  readonly fix: string;
}

/** Where the prebuilt runtimes for Node have a device at all. */
const PLATFORMS: Readonly<Record<Processor, string>> = {
  cuda: "Linux on x64",
  webgpu: "Linux on x64, macOS on Apple silicon and Windows",
};

/** A device that this build of the runtime does not have. */
export function notBuiltIn(device: Processor): Absence {
  return {
    reason: `ONNX Runtime is built without it for ${process.platform} on ${process.arch}`,
    fix: `It is there for ${PLATFORMS[device]}.`,
  };
}

/** A device that the runtime has and could not begin with. */
export function notBegun(device: Processor, cause: unknown, packageFolder: string): Absence {
  const message = cause instanceof Error ? cause.message : String(cause);
  return device === "cuda" ? withoutCuda(message, packageFolder) : withoutWebGpu(message);
}

/** The part of the runtime that the package does not bring along: it has some 300 MB. */
const CUDA_PROVIDER = "libonnxruntime_providers_cuda.so";
const NVIDIA_DRIVER = "libcuda.so";

function withoutCuda(message: string, packageFolder: string): Absence {
  const { platform, arch } = process;
  const provider = join(packageFolder, "bin", "napi-v6", platform, arch, CUDA_PROVIDER);
  if (!existsSync(provider)) {
    const script = shellWord(asTyped(join(packageFolder, "script", "install.js")));
    return {
      reason: "ONNX Runtime's own files for it are not installed",
      fix: `Fetch them with \`ONNXRUNTIME_NODE_INSTALL=cuda12 node ${script}\`; they need NVIDIA's driver, CUDA and cuDNN.`,
    };
  }
  const library = missingLibrary(provider);
  if (library?.startsWith(NVIDIA_DRIVER) === true) {
    return { reason: `${library} is not found`, fix: "Install NVIDIA's driver." };
  }
  if (library !== undefined) {
    return {
      reason: `${library} is not found`,
      fix: "Install CUDA and cuDNN of that version, or name the folder that they are in with LD_LIBRARY_PATH.",
    };
  }
  return {
    reason: lastSentence(message),
    fix: "See that nvidia-smi lists a graphics processor, and that its driver is new enough.",
  };
}

function withoutWebGpu(message: string): Absence {
  const fix =
    process.platform === "linux"
      ? "Install the Vulkan driver of your graphics processor: libvulkan1, and NVIDIA's driver or mesa-vulkan-drivers."
      : "See that the driver of your graphics processor is installed.";
  const hasNone = message.includes("Failed to get a WebGPU adapter");
  return { reason: hasNone ? "no graphics adapter is found" : lastSentence(message), fix };
}

/**
 * What the loader does not find of what a library needs. The runtime does not say it where a program can read it, so the
 * loader is asked again; that it then stands there as an addon of Node, which it is not, is another message.
 */
function missingLibrary(path: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, path);
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    return /^(\S+): cannot open shared object file/u.exec(message)?.[1];
  }
  return undefined;
}

/** The runtime puts the place in its code first, and what failed last. */
function lastSentence(message: string): string {
  const failure = nvidiaFailure(message);
  if (failure !== undefined) return failure;
  const lines = message.split("\n").map((line) => line.trim());
  const sentence = lines.findLast((line) => line !== "") ?? "it says no more";
  return sentence.replace(/^.*was false\. /u, "").replace(/\.$/u, "");
}

/** A path from where the user is, if that is shorter. */
function asTyped(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}

function shellWord(path: string): string {
  return /^[\w./@-]+$/u.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

/** Where Linux shows graphics processors: its own, NVIDIA's, Windows' for WSL, and those of boards. */
const DEVICE_FILES: Readonly<Record<Processor, RegExp>> = {
  cuda: /^(?:nvidia|dxg$)/u,
  webgpu: /^(?:dri$|nvidia|dxg$|mali|kgsl)/u,
};

/**
 * Whether the machine has a processor for the device. A driver in software is an adapter like any other to the runtime, and
 * much slower than the CPU. Only Linux says which it is; elsewhere there is one.
 */
export function hasProcessor(device: Processor): boolean {
  if (process.platform !== "linux") return true;
  try {
    const files = readdirSync("/dev").filter((name) => DEVICE_FILES[device].test(name));
    return files.some((name) => name !== "dri" || hasRenderNode());
  } catch {
    return false;
  }
}

/** `/dev/dri` may be there with screens only. */
function hasRenderNode(): boolean {
  return readdirSync("/dev/dri").some((name) => name.startsWith("render"));
}
