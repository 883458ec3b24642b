import { expect, test } from "vitest";
import { assert } from "../../src/errors.ts";
import { randomModel } from "./random-model.ts";

test("a seed names the numbers of a model", async () => {
  const numbers = async (seed: number): Promise<Float32Array> => {
    const tensor = randomModel({ seed, layers: 2 }).weights.layer(1, "down");
    const out = new Float32Array(tensor.shape.reduce((a, b) => a * b));
    await tensor.dequantize(out);
    return out;
  };
  expect(await numbers(5)).toEqual(await numbers(5));
  expect(await numbers(5)).not.toEqual(await numbers(6));
});

test("the stored bytes of a weight are its numbers", async () => {
  const { weights } = randomModel({ attentionBias: true });
  const tensor = weights.layer(0, "kBias");
  const out = new Float32Array(2 + (tensor.shape[0] ?? 0));
  await tensor.dequantize(out, 2);
  const bytes = await tensor.bytes();
  assert(bytes.buffer instanceof ArrayBuffer, "the bytes are in memory of their own");
  expect(new Float32Array(bytes.buffer)).toEqual(out.subarray(2));
});
