/**
 * Where a command's answer goes: standard output, or a file that appears whole or not at all.
 * A place that cannot be written is found before the work begins.
 */
import { randomBytes } from "node:crypto";
import { open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { notWritable } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** Standard output, as the value of `--out`. */
const STANDARD_OUTPUT = "-";

export interface Output {
  /** Absent for standard output. */
  readonly path: string | undefined;
  write(parts: readonly Uint8Array[]): Promise<void>;
  writeText(text: string): Promise<void>;
}

/** Opens `--out FILE`, or standard output without it. Throws `io` where nothing can be written. */
export async function openOutput(path: string | undefined, terminal: Terminal): Promise<Output> {
  if (path === undefined || path === STANDARD_OUTPUT) return standardOutput(terminal);
  const write = await fileWriter(path);
  return {
    path,
    write,
    writeText: (text) => write([new TextEncoder().encode(`${text}\n`)]),
  };
}

function standardOutput(terminal: Terminal): Output {
  return {
    path: undefined,
    write: async (parts) => {
      for (const part of parts) await terminal.printBytes(part);
    },
    writeText: (text) => terminal.printBytes(new TextEncoder().encode(`${text}\n`)),
  };
}

async function fileWriter(path: string): Promise<Output["write"]> {
  try {
    const facts = await stat(path).catch((error: unknown) => absent(error));
    // A device or a pipe is written to; renaming a file over it would replace it.
    if (facts !== undefined && !facts.isFile()) {
      await (await open(path, "w")).close();
      return (parts) => reported(path, () => writeParts(path, "w", parts));
    }
    // A link stays a link: the file that it leads to is replaced.
    const target = facts === undefined ? path : await realpath(path);
    if (facts !== undefined) await (await open(target, "r+")).close();
    const probe = besideOf(target);
    await writeParts(probe, "wx", []);
    await unlink(probe);
    return (parts) => reported(path, () => replace(target, parts));
  } catch (error) {
    throw notWritable(path, error);
  }
}

function absent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

async function reported(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw notWritable(path, error);
  }
}

async function replace(target: string, parts: readonly Uint8Array[]): Promise<void> {
  const partial = besideOf(target);
  try {
    await writeParts(partial, "wx", parts);
    await rename(partial, target);
  } catch (error) {
    await unlink(partial).catch(() => undefined);
    throw error;
  }
}

async function writeParts(
  path: string,
  flags: "w" | "wx",
  parts: readonly Uint8Array[],
): Promise<void> {
  const file = await open(path, flags);
  try {
    for (const part of parts) await file.writeFile(part);
  } finally {
    await file.close();
  }
}

function besideOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.partial`);
}
