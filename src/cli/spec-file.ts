/** A spec from a file or from standard input. */
import type { SpecText } from "../spec/parse-text.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { specTooLarge, specUnreadable } from "./errors.ts";
import { readTextInput } from "./text-input.ts";

// Real specs are below 1 MiB; bounds what a wrong path or an endless pipe can fill.
const MAX_SPEC_BYTES = 16 * 2 ** 20;

/** Reads and checks a spec. Throws `usage` where there is none, `spec-invalid` for what is wrong in it. */
export async function readSpecFile(path: string): Promise<PatchscopeSpec> {
  const { data, parse } = await readSpecData(path);
  return parse(data);
}

/** Reads a spec that is not to be checked yet. Throws as {@link readSpecFile} does. */
export async function readSpecData(path: string): Promise<SpecText> {
  const text = await readTextInput(path, MAX_SPEC_BYTES, {
    unreadable: specUnreadable,
    tooLarge: specTooLarge,
  });
  // The YAML parser is loaded by the commands that read a file.
  const { readSpecText } = await import("../spec/parse-text.ts");
  return readSpecText(text);
}
