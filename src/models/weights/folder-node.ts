/** A model's folder on the local disk. */
import { stat } from "node:fs/promises";
import { join } from "node:path";

import { fileNotOpened } from "../errors.ts";
import { openFileIfPresent } from "./byte-source-node.ts";
import type { ModelFolder } from "./safetensors-folder.ts";

/**
 * The folder at this path.
 * @throws `io` when there is none
 */
export async function openFolder(path: string): Promise<ModelFolder> {
  const facts = await stat(path).catch((cause: unknown) => {
    throw fileNotOpened({ file: path, reason: "there is no such folder", cause });
  });
  if (!facts.isDirectory()) throw fileNotOpened({ file: path, reason: "it is no folder" });
  return { name: path, open: (file) => openFileIfPresent(join(path, file)) };
}
