import { expect, test } from "vitest";

import { expectClose } from "../../../../tests/support/closeness.ts";
import { randomModel } from "../../../../tests/support/random-model.ts";
import type { LayerWeight } from "../../architecture.ts";
import { createReferenceEngine } from "../../reference/reference-engine.ts";
import { nodeRuntime } from "../node.ts";
import { createOnnxEngineOn } from "../onnx-engine.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { int8Linear } from "./int8-linear.ts";

const runtime = nodeRuntime({ threads: 1 });
const model = randomModel({ seed: 3, mlpBias: true });

/** The layer by itself: rows in, rows out. */
async function runLayer(name: LayerWeight, x: Float32Array): Promise<Float32Array> {
  const matrix = model.weights.layer(0, name);
  const inputs = matrix.shape[1] ?? 0;
  const graph = new GraphBuilder("layer");
  graph.input("x", "float32", ["rows", inputs]);
  int8Linear(graph, "x", { name, matrices: [matrix] }, "y");
  graph.output("y", "float32", ["rows", matrix.shape[0] ?? 0]);
  const session = await runtime.createSession(graph.build());
  const { y } = await session.run({ x: runtime.float32(x, [x.length / inputs, inputs]) }, ["y"]);
  await session.dispose();
  return y?.data instanceof Float32Array ? y.data : new Float32Array(0);
}

/** Numbers as 127ths of their largest magnitude. */
function rounded(numbers: Float32Array): Float32Array {
  const step = Math.max(...numbers.map(Math.abs)) / 127;
  return numbers.map((number) => Math.round(number / step) * step);
}

function rowsOf(numbers: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: numbers.length / width }, (_, row) =>
    numbers.slice(row * width, (row + 1) * width),
  );
}

test("The product is that of rounded rows with rounded rows of weights", async () => {
  const matrix = model.weights.layer(0, "up");
  const [outputs = 0, inputs = 0] = matrix.shape;
  const weights = new Float32Array(outputs * inputs);
  await matrix.dequantize(weights);
  const x = Float32Array.from({ length: 3 * inputs }, (_, i) => Math.sin(i) * 10 ** (i % 3));
  const expected = rowsOf(x, inputs).flatMap((row) =>
    rowsOf(weights, inputs).map((weight) =>
      rounded(row).reduce((sum, value, i) => sum + value * (rounded(weight)[i] ?? 0), 0),
    ),
  );
  expectClose(await runLayer("up", x), Float32Array.from(expected), 1e-5);
});

test("A row has the same product whatever rows are beside it", async () => {
  const inputs = model.architecture.hiddenSize;
  const row = Float32Array.from({ length: inputs }, (_, i) => Math.cos(i));
  const beside = new Float32Array(2 * inputs).fill(1000);
  beside.set(row, inputs);
  const alone = await runLayer("up", row);
  expect((await runLayer("up", beside)).slice(alone.length)).toEqual(alone);
});

test("States and logits are nearly the reference engine's, also of rows that join later", async () => {
  const { layers, hiddenSize } = model.architecture;
  const states = Float32Array.from({ length: hiddenSize }, (_, i) => Math.sin(i));
  const [fast, exact] = [
    await createOnnxEngineOn(runtime, model, { precision: "int8" }),
    await createReferenceEngine(model),
  ];
  for (const entry of [0, layers - 1]) {
    const pass = {
      kind: "prefill",
      length: 1,
      rows: [{ entry, states }],
      read: { at: [{ row: 0, offset: 0 }], topK: 0, logits: true },
    } as const;
    const [got, expected] = [await fast.run(pass), await exact.run(pass)];
    expectClose(got.read?.logits, expected.read?.logits, 0.05);
  }
  await fast.dispose();
  await exact.dispose();
});
