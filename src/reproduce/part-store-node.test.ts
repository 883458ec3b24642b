import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { partStore } from "./part-store-node.ts";

test("a part that was kept is there again, and another one is not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "patchscopes-parts-"));
  try {
    const part = { readOuts: [[{ text: " 엔", next: [["엔", -0.5] as const] }]], unpatched: "" };
    await partStore(join(folder, "parts")).put("one", part);
    const again = partStore(join(folder, "parts"));
    expect(await again.get("one")).toEqual(part);
    expect(await again.get("two")).toBeUndefined();
    expect(await readdir(join(folder, "parts"))).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
