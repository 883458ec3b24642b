/** States of SmolLM2-135M in Gemma 3 270M, another family, width, depth and tokenizer, against PyTorch: make_cross_model.py. */
import { expect, test } from "vitest";
import { loadModel } from "../../src/node.ts";
import { CROSS_CELLS, expectAsPyTorch } from "../support/cross-model.ts";
import {
  describeCachedModel,
  REAL_MODEL,
  TEST_THREADS,
  useResource,
} from "../support/real-model.ts";

await describeCachedModel("gemma-3-270m", "SmolLM2's states in Gemma 3", (target) => {
  const source = useResource(
    () => loadModel(REAL_MODEL, { threads: TEST_THREADS }),
    (loaded) => loaded.dispose(),
  );

  test("There are cells to compare", () => {
    expect(CROSS_CELLS.real).not.toHaveLength(0);
  });

  test.each(CROSS_CELLS.real)(
    "$source.prompt, layer $from.layer into layer $to.layer, says what PyTorch says",
    async (cell) => {
      await expectAsPyTorch(cell, source(), target(), 2e-3);
    },
  );
});
