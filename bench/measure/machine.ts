/** The machine that figures were measured on: without it they mean little. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** One line; instruction sets where Linux names them. */
export function describeMachine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const sets = instructionSets();
  const load = `load ${(loadavg()[0] ?? 0).toFixed(1)}`;
  return [
    `${availableParallelism()} × ${model}`,
    ...sets,
    memory,
    `Node ${process.versions.node}`,
    load,
  ].join(" · ");
}

/** Instructions for products of these numbers; without them a precision is slower than it is meant to be, and no goal counts. */
const FOR_PRODUCTS: Readonly<Record<"bfloat16" | "int8", readonly string[]>> = {
  bfloat16: ["avx512_bf16", "amx_bf16"],
  int8: ["avx_vnni", "avx512_vnni", "amx_int8"],
};

/** Whether the processor has them; where nobody says so it has not. */
export function multiplies(numbers: "bfloat16" | "int8"): boolean {
  const has = processorFlags();
  return FOR_PRODUCTS[numbers].some((set) => has.has(set));
}

function instructionSets(): string[] {
  const has = processorFlags();
  const known = ["avx2", "avx512f", ...Object.values(FOR_PRODUCTS).flat()];
  return known.filter((set) => has.has(set));
}

/** As Linux names them. */
function processorFlags(): ReadonlySet<string> {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    return new Set(flags.split(" "));
  } catch {
    return new Set();
  }
}

/** The version that is measured. */
export function packageVersion(): string {
  // From dist/bench/measure, where this runs.
  const manifest = new URL("../../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return version;
}
