/** What was measured, kept in a file, so that one part can be measured again without the others. */
import { readFile, writeFile } from "node:fs/promises";
import type { Section } from "../figure.ts";

export interface Results {
  readonly version: string;
  readonly machine: string;
  /** By the names of the command line, in its order. */
  readonly sections: Readonly<Record<string, Section>>;
}

/** What an earlier run left; nothing where there is no such file. */
export async function readResults(path: string): Promise<Results | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Results;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

export async function writeResults(path: string, results: Results): Promise<void> {
  await writeFile(path, `${JSON.stringify(results, null, 1)}\n`);
}
