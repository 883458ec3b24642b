/** Opens the checkpoint of a golden folder as the project opens any model. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { Model } from "../../src/models/model.ts";
import { openModel } from "../../src/models/open.ts";

/** The model of a folder with model.gguf, or in the Hugging Face layout. */
export function openGolden(folder: string): Promise<Model> {
  const gguf = join(folder, "model.gguf");
  return existsSync(gguf)
    ? openModel({ kind: "gguf", path: gguf }, basename(folder))
    : openModel({ kind: "folder", path: folder }, basename(folder));
}
