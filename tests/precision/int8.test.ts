/** A whole run in int8: the same cells in one batch as alone, and a result that says what it is. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { patchscope } from "../../src/run/sweep.ts";
import type { SpecInput } from "../../src/spec/spec-input.ts";
import { FIXTURES } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";

const grid = (layer: number | "all"): SpecInput => ({
  source: { prompt: "the cat sat", layer },
  target: { prompt: "the dog x", position: { find: "x" } },
  read: { maxTokens: 4, ignoreEos: true },
  controls: [],
});

test("Cells say the same together as alone, and the result warns that activations were rounded", async () => {
  const model = await openGolden(join(FIXTURES, "tiny", "llama-gguf"));
  const engine = await createOnnxEngine(model, { threads: 1, precision: "int8" });
  try {
    const loaded = { model, engine };
    const all = await patchscope(grid("all"), loaded);
    expect(all.warnings.map(({ code }) => code)).toContain("rounded-activations");
    expect(all.models[0]?.precision).toBe("int8");
    for (const [layer, cell] of all.cells.entries()) {
      const alone = await patchscope(grid(layer), loaded);
      expect(alone.cells[0]?.tokens).toEqual(cell.tokens);
    }
  } finally {
    await engine.dispose();
    await model.close();
  }
});
