/** The command `sweep` on a tiny model, in a folder of its own for each test. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach } from "vitest";
import { runCommandLine } from "../../src/cli/program.ts";
import { FIXTURES } from "./goldens.ts";
import { recordingTerminal } from "./recording-terminal.ts";

/** Has three layers. */
export const SWEPT_MODEL = join(FIXTURES, "tiny", "llama-gguf", "model.gguf");

/** A cell for each layer. */
export const SWEPT_SPEC = `version: 1
source: { model: ${SWEPT_MODEL}, prompt: "I saw {{animal}}", position: { find: "{{animal}}" } }
target: { prompt: "the dog x sat", position: { find: x } }
read: { kind: next-token, topK: 2 }
`;

export const ANIMALS: readonly string[] = ["the cat", "a dog", "a cat", "the old man"];

export interface SweepFolder {
  readonly path: (name: string) => string;
  /** Writes a file and gives its path. */
  readonly file: (name: string, content: string) => Promise<string>;
  /** The spec's file. */
  readonly spec: () => string;
  /** A file of so many of the animals. */
  readonly animals: (count?: number) => Promise<string>;
}

/** A folder that is made before each test and removed behind it. */
export function useSweepFolder(): SweepFolder {
  let folder = "";
  const path = (name: string): string => join(folder, name);
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(path(name), content);
    return path(name);
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "patchscopes-sweep-"));
    await file("spec.yaml", SWEPT_SPEC);
    return () => rm(folder, { recursive: true });
  });
  return {
    path,
    file,
    spec: () => path("spec.yaml"),
    animals: (count = ANIMALS.length) => {
      const lines = ANIMALS.slice(0, count).map((animal) => JSON.stringify({ animal }));
      return file("animals.jsonl", `${lines.join("\n")}\n`);
    },
  };
}

export interface SweepEnding {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command; Ctrl-C comes when something that is said on standard error matches. */
export async function sweep(
  args: readonly string[],
  { stopAt }: { readonly stopAt?: RegExp } = {},
): Promise<SweepEnding> {
  const stop = new AbortController();
  const noted: string[] = [];
  const terminal = recordingTerminal({
    note: (text) => {
      noted.push(text);
      if (stopAt?.test(text) === true) stop.abort();
    },
  });
  const status = await runCommandLine(["sweep", ...args, "--threads", "1"], {
    terminal,
    signal: stop.signal,
  });
  return { status, out: terminal.printed(), err: noted.join("") };
}

export interface SweepLine {
  readonly sample: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** Whole lines as data. */
export function linesOf(text: string): readonly SweepLine[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SweepLine);
}
