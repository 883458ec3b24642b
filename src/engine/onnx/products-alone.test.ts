/** The products that the engine is measured against are those of the model's matrices. */
import { expect, test } from "vitest";
import { randomModel } from "../../../tests/support/random-model.ts";
import type { WeightTensor } from "../architecture.ts";
import { nodeRuntime } from "./node.ts";
import { productsAlone } from "./products-alone.ts";

const model = randomModel({ layers: 2 });

/** What a matrix makes of the first row of sines. */
async function firstProduct(matrix: WeightTensor): Promise<number> {
  const [, inputs = 0] = matrix.shape;
  const numbers = new Float32Array(matrix.shape.reduce((a, b) => a * b, 1));
  await matrix.dequantize(numbers);
  return numbers.subarray(0, inputs).reduce((sum, weight, i) => sum + weight * Math.sin(i), 0);
}

test("blocks with rows multiply with all of their matrices, blocks without rows with none", async () => {
  const products = await productsAlone(nodeRuntime({ threads: 1 }), model);
  const matrices = ["q", "o", "gate", "up", "down"] as const;
  const expected = await Promise.all(
    matrices.map((name) => firstProduct(model.weights.layer(1, name))),
  );
  const corners = await products.runBlocks([0, 3]);
  expect(corners).toHaveLength(matrices.length);
  corners.forEach((corner, index) => {
    expect(corner).toBeCloseTo(expected[index] ?? NaN, 3);
  });
  await products.dispose();
});

test("the output matrix multiplies as well", async () => {
  const products = await productsAlone(nodeRuntime({ threads: 1 }), model);
  const [logit] = await products.runHead(5);
  expect(logit).toBeCloseTo(await firstProduct(model.weights.head), 3);
  await products.dispose();
});
