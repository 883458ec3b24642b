/** Parts of measurements as files in a folder, one each: what stands there is read, and never changed. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PartStore } from "./read-part.ts";

/** The store in a folder, which is made when the first part is kept. */
export function partStore(folder: string): PartStore {
  const pathOf = (key: string): string =>
    join(folder, `${createHash("sha256").update(key).digest("hex")}.json`);
  return {
    get: async (key) => {
      const text = await readFile(pathOf(key), "utf8").catch(() => undefined);
      if (text === undefined) return undefined;
      const kept: unknown = JSON.parse(text);
      return kept;
    },
    put: async (key, part) => {
      await mkdir(folder, { recursive: true });
      const path = pathOf(key);
      // Whole or not at all: a run may be stopped while it writes.
      const partial = `${path}.${randomBytes(4).toString("hex")}.partial`;
      await writeFile(partial, JSON.stringify(part));
      await rename(partial, path);
    },
  };
}
