/** Runs the command line as a process of its own: from its start to its exit, and the most memory it ever held. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { memoryOf } from "./memory-of.ts";

export interface ChildRun {
  readonly milliseconds: number;
  /** Peak resident memory in bytes; absent where the system does not say it. */
  readonly peakBytes: number | undefined;
  readonly stdout: string;
}

const COMMAND = fileURLToPath(new URL("../../cli/main.js", import.meta.url));
// Often enough, and rarely enough not to take the processor from what is measured.
const POLL_MS = 100;

/** Runs `patchscopes` with these arguments. */
export function runCommand(args: readonly string[], signal: AbortSignal): Promise<ChildRun> {
  return runProcess(process.execPath, [COMMAND, ...args], signal);
}

/** Runs a program; rejects when it fails, with what it wrote to standard error. */
export function runProcess(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  {
    env = {},
    input = "",
  }: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<ChildRun> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(program, args, {
      signal,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    child.stdin.end(input);
    let stdout = "";
    let stderr = "";
    let peakBytes: number | undefined;
    // The high-water mark only grows: the last look before the exit is the peak, but for the last moments.
    const poll = setInterval(() => {
      peakBytes = memoryOf("peak", child.pid ?? 0) ?? peakBytes;
    }, POLL_MS);
    child.stdout.on("data", (piece: Buffer) => (stdout += piece.toString()));
    child.stderr.on("data", (piece: Buffer) => (stderr += piece.toString()));
    child.on("error", (error) => {
      clearInterval(poll);
      reject(error);
    });
    child.on("close", (status) => {
      clearInterval(poll);
      if (status === 0) resolve({ milliseconds: performance.now() - begin, peakBytes, stdout });
      else reject(new Error(stderr.trim().split("\n").at(-1) ?? `status ${status ?? "unknown"}`));
    });
  });
}
