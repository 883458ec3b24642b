/** A spec from a file or from standard input. */
import { open } from "node:fs/promises";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { specTooLarge, specUnreadable } from "./errors.ts";

/** Standard input, as the name of a spec. */
const STANDARD_INPUT = "-";
// Real specs are below 1 MiB; bounds what a wrong path or an endless pipe can fill.
const MAX_SPEC_BYTES = 16 * 2 ** 20;

/** Reads and checks a spec. Throws `usage` where there is none, `spec-invalid` for what is wrong in it. */
export async function readSpecFile(path: string): Promise<PatchscopeSpec> {
  const text = await readText(path);
  // The YAML parser is loaded by the commands that read a file.
  const { parseSpecText } = await import("../spec/parse-text.ts");
  return parseSpecText(text);
}

async function readText(path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const stream =
      path === STANDARD_INPUT ? process.stdin : (await open(path, "r")).createReadStream();
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > MAX_SPEC_BYTES) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw specUnreadable(path, error);
  }
  if (size > MAX_SPEC_BYTES) throw specTooLarge(path, MAX_SPEC_BYTES);
  return Buffer.concat(chunks).toString("utf8");
}
