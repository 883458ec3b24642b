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

function instructionSets(): string[] {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    const known = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile"];
    return known.filter((set) => flags.split(" ").includes(set));
  } catch {
    return [];
  }
}

/** The version that is measured. */
export function packageVersion(): string {
  // From dist/bench/measure, where this runs.
  const manifest = new URL("../../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return version;
}
