/** A text that a command is given: a file, or standard input. */
import { open } from "node:fs/promises";
import type { PatchscopesError } from "../errors.ts";

/** Standard input, as the name of a file. */
export const STANDARD_INPUT = "-";

/** What is thrown of a file that is none, or too large. */
export interface TextInputErrors {
  readonly unreadable: (path: string, cause: unknown) => PatchscopesError;
  readonly tooLarge: (path: string, limit: number) => PatchscopesError;
}

/** Reads a text of at most `limit` bytes. */
export async function readTextInput(
  path: string,
  limit: number,
  errors: TextInputErrors,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const stream =
      path === STANDARD_INPUT ? process.stdin : (await open(path, "r")).createReadStream();
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limit) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw errors.unreadable(path, error);
  }
  if (size > limit) throw errors.tooLarge(path, limit);
  return Buffer.concat(chunks).toString("utf8");
}
