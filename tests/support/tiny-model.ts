/** A tiny checkpoint with its engine, for all tests of a file. */
import { join } from "node:path";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import type { Model } from "../../src/models/model.ts";
import type { ReadyModel } from "../../src/run/run-spec.ts";
import { FIXTURES } from "./goldens.ts";
import { openGolden } from "./open-golden.ts";
import { TEST_THREADS, useResource } from "./real-model.ts";

export interface TinyModel extends ReadyModel {
  readonly model: Model;
}

/**
 * Made before the tests and let go after them.
 * @param checkpoint a folder of tests/fixtures/tiny
 */
export function useTinyModel(
  checkpoint: string,
  engineOf: (model: Model) => Promise<ReadyModel["engine"]> = (model) =>
    createOnnxEngine(model, { threads: TEST_THREADS }),
): () => TinyModel {
  return useResource(
    async () => {
      const model = await openGolden(join(FIXTURES, "tiny", checkpoint));
      return { model, engine: await engineOf(model) };
    },
    async ({ model, engine }) => {
      await engine.dispose();
      await model.close();
    },
  );
}
