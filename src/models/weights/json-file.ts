/** Small JSON files of a model: read whole, bounded, and checked by a schema. */
import type { z } from "zod";

import { modelUnreadable, reasonOf } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

const MAX_JSON_BYTES = 256 * 2 ** 20; // the largest tokenizer.json is about 35 MiB

/**
 * The file's value.
 * @throws `model-unreadable` when it is no JSON or not of this schema; the message names the first wrong field
 */
export async function parseJsonFile<T>(source: ByteSource, schema: z.ZodType<T>): Promise<T> {
  return checkJson(await readJson(source), schema, source.name);
}

/** The same for a value that is already parsed; `file` is where it comes from. */
export function checkJson<T>(value: unknown, schema: z.ZodType<T>, file: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue === undefined || issue.path.length === 0 ? "its value" : issue.path.join(".");
  throw modelUnreadable({
    file,
    problem: `${path}: ${issue?.message ?? "wrong"}`,
    hint: "Check the file, or download it again.",
  });
}

/** The file's value, of whatever kind. */
export async function readJson(source: ByteSource): Promise<unknown> {
  if (source.size > MAX_JSON_BYTES) {
    const problem = `it has ${source.size} bytes, and ${MAX_JSON_BYTES} are allowed`;
    throw modelUnreadable({ file: source.name, problem });
  }
  const bytes = await source.slice(0, source.size);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const problem = `it is no JSON (${reasonOf(cause)})`;
    throw modelUnreadable({ file: source.name, problem, cause });
  }
}
