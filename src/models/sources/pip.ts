/** Python's pip as a way to the package index that this machine is set up for: its proxy, its mirror, its certificates. */
import { spawn } from "node:child_process";
import { mkdir, readdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

import type { SourceContext } from "./context.ts";
import { diskFull } from "./errors.ts";
import { stopIfAborted } from "./request.ts";
import { SourceFailure, systemCode } from "./source-failure.ts";

/** How pip may be called; the first that is there is taken. */
const COMMANDS: readonly (readonly [program: string, ...args: string[]])[] = [
  ["python3", "-m", "pip"],
  ["pip3"],
  ["pip"],
];
const POLL_MS = 200;
const MAX_OUTPUT = 64 * 1024; // pip's last words are what is wanted
const MAX_WORDS = 400; // a message is one line

/**
 * Downloads one wheel into `folder`, without its dependencies.
 * @throws SourceFailure with pip's own words, or `aborted`
 */
export async function pipDownload(
  facts: {
    readonly requirement: string;
    readonly folder: string;
    readonly onReceived: (bytes: number) => void;
  },
  context: SourceContext,
): Promise<void> {
  const temporary = join(facts.folder, "tmp");
  await mkdir(temporary, { recursive: true });
  // No cache of pip's own: the file would lie on this disk twice.
  const args = ["download", "--no-deps", "--no-cache-dir", "--no-input", "--only-binary=:all:"];
  args.push("--progress-bar=off", "--dest", facts.folder, facts.requirement);
  const env = {
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_RETRIES: "2", // without a network pip would try for a long time
    ...context.settings.env,
    TMPDIR: temporary,
  };
  const poll = setInterval(() => {
    void reportGrowth(facts.folder, facts.onReceived);
  }, POLL_MS);
  try {
    for (const [program, ...before] of COMMANDS) {
      const ended = await runProgram(program, [...before, ...args], { env, context });
      if (ended.kind === "absent") continue;
      if (ended.status === 0) return;
      if (/No space left on device|Disk quota exceeded/.test(ended.output)) {
        throw diskFull(facts.folder);
      }
      throw new SourceFailure("package", `pip failed: ${lastWords(ended.output)}`);
    }
  } finally {
    clearInterval(poll);
  }
  const tried = COMMANDS.map((command) => command.join(" ")).join(", ");
  throw new SourceFailure("package", `no pip was found (tried ${tried})`);
}

type Ended =
  | { readonly kind: "absent" }
  | { readonly kind: "ended"; readonly status: number | null; readonly output: string };

async function runProgram(
  program: string,
  args: readonly string[],
  facts: { readonly env: Record<string, string | undefined>; readonly context: SourceContext },
): Promise<Ended> {
  const { signal } = facts.context;
  stopIfAborted(facts.context);
  const child = spawn(program, args, {
    env: facts.env,
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal }),
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(-MAX_OUTPUT);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const status = await new Promise<number | null | Error>((resolve) => {
    let failure: Error | undefined;
    child.on("error", (error) => {
      failure = error;
      // A program that was never started does not end.
      if (child.pid === undefined) resolve(error);
    });
    child.on("close", (code) => {
      resolve(failure ?? code);
    });
  });
  stopIfAborted(facts.context);
  if (status instanceof Error) {
    if (["ENOENT", "EACCES"].includes(systemCode(status) ?? "")) return { kind: "absent" };
    throw new SourceFailure("package", `${program}: ${status.message}`, { cause: status });
  }
  // 126 and 127: a version manager's stand-in for a program that is not installed.
  const isAbsent = status === 126 || status === 127 || /No module named '?pip\b/.test(output);
  return isAbsent ? { kind: "absent" } : { kind: "ended", status, output };
}

/** pip says the reason in lines that begin with ERROR, or in a traceback's last line; addresses may hold a password. */
function lastWords(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.flatMap((line) => /^ERROR:\s*(?!\s|Exception:$)(.*)$/.exec(line)?.[1] ?? []);
  const words = (errors.length > 0 ? errors.slice(-2) : lines.slice(-1)).join("; ");
  const safe = words.trim().replace(/\/\/[^/@\s]+@/g, "//***@");
  return safe === "" ? "it said nothing" : safe.slice(0, MAX_WORDS).replace(/\.$/, "");
}

async function reportGrowth(folder: string, onReceived: (bytes: number) => void): Promise<void> {
  try {
    const names = await readdir(folder, { recursive: true });
    const facts = await Promise.all(names.map((name) => stat(join(folder, name))));
    onReceived(Math.max(0, ...facts.filter((file) => file.isFile()).map((file) => file.size)));
    const now = new Date();
    await utimes(folder, now, now); // shows other machines that this piece is being worked on
  } catch {
    // pip moves files about; the next look succeeds
  }
}
