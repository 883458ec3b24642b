import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { openGolden } from "../../../tests/support/open-golden.ts";
import type { Precision } from "../../engine/engine.ts";
import { buildDecoder } from "../../engine/onnx/graph/decoder-graph.ts";
import type { Graph } from "../../engine/onnx/graph/graph-builder.ts";
import { buildReadOut } from "../../engine/onnx/graph/read-out-graph.ts";
import { LINEAR } from "../../engine/onnx/onnx-engine.ts";
import { CONVERSION } from "./conversion.ts";

const TINY = join(import.meta.dirname, "../../../tests/fixtures/tiny");

/** Another hash than before: raise CONVERSION, so that nobody runs on weights kept by an older version; then `vitest -u`. */
test.for(readdirSync(TINY))("the weights of %s are converted as CONVERSION says", async (name) => {
  const model = await openGolden(join(TINY, name));
  try {
    for (const precision of ["float32", "quantized", "int8"] as const satisfies Precision[]) {
      const parts = { ...model, linear: LINEAR[precision] };
      const hash = createHash("sha256");
      for (const graph of [buildDecoder(parts), buildReadOut(parts)]) await addWeights(hash, graph);
      expect(hash.digest("hex")).toMatchSnapshot(`conversion ${CONVERSION}, ${precision}`);
    }
  } finally {
    await model.close();
  }
});

async function addWeights(hash: ReturnType<typeof createHash>, graph: Graph): Promise<void> {
  for (const [name, read] of graph.weights) hash.update(name).update(await read());
}
