/** This process's memory as Linux says it; nobody else is asked. */
import { readFileSync, writeFileSync } from "node:fs";

/** In bytes: what is held, or the most there ever was (or since {@link resetPeak}). */
export function memoryOf(what: "held" | "peak", pid: number | "self" = "self"): number | undefined {
  const key = what === "held" ? "VmRSS" : "VmHWM";
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kilobytes = new RegExp(`^${key}:\\s*(\\d+) kB$`, "m").exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** The peak is counted from here. */
export function resetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Not Linux: there is no peak to read either.
  }
}
