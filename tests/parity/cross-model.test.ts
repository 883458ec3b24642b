/** States of one tiny model in another, of other width, depth and family, against PyTorch: make_cross_model.py. */
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import type { LoadedModel } from "../../src/node.ts";
import { CROSS_CELLS, expectAsPyTorch } from "../support/cross-model.ts";
import { FIXTURES } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";

type Ready = Pick<LoadedModel, "model" | "engine">;

describe.each(["reference", "onnx"])("on the %s engine", (kind) => {
  const ready = new Map<string, Ready>();

  afterAll(async () => {
    for (const { model, engine } of ready.values()) {
      await engine.dispose();
      await model.close();
    }
  });

  async function readyModel(name: string): Promise<Ready> {
    const known = ready.get(name);
    if (known !== undefined) return known;
    const model = await openGolden(join(FIXTURES, "tiny", name));
    const engine =
      kind === "onnx"
        ? await createOnnxEngine(model, { threads: 1 })
        : await createReferenceEngine(model);
    ready.set(name, { model, engine });
    return { model, engine };
  }

  test.each(CROSS_CELLS.tiny)(
    "$source.model layer $from.layer into $target.model layer $to.layer",
    async (cell) => {
      const source = await readyModel(cell.source.model);
      const target = await readyModel(cell.target.model);
      expect(source.model.architecture.family).not.toBe(target.model.architecture.family);
      await expectAsPyTorch(cell, source, target, 1e-4);
    },
  );
});
