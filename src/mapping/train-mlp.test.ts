import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { FIXTURES } from "../../tests/support/goldens.ts";
import { Adam } from "./adam.ts";
import { mapped } from "./mapping.ts";
import { multiplyPlainly } from "./multiply.ts";
import { trainMlp } from "./train-mlp.ts";

const numbers = z.array(z.number());
const { mlp, adam } = z
  .object({
    mlp: z.record(
      z.enum(["weight", "bias", "inner", "innerBias", "outer", "state", "value"]),
      numbers,
    ),
    adam: z.object({ gradients: z.array(numbers), values: z.array(numbers) }),
  })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "mapping.json"), "utf8")));

test("An MLP computes what torch computes", () => {
  const part = (name: keyof typeof mlp): Float32Array => Float32Array.from(mlp[name]);
  const value = mapped(
    {
      kind: "mlp",
      weight: part("weight"),
      bias: part("bias"),
      inner: part("inner"),
      innerBias: part("innerBias"),
      outer: part("outer"),
    },
    part("state"),
  );
  for (const [i, own] of value.entries()) expect(own).toBeCloseTo(mlp.value[i] ?? NaN, 4);
});

test("Adam takes the steps of torch's", () => {
  const weights = Float32Array.of(1, -2);
  const optimiser = new Adam(2, 0.1);
  for (const [step, gradient] of adam.gradients.entries()) {
    optimiser.step(weights, Float32Array.from(gradient));
    for (const [i, value] of weights.entries()) {
      expect(value).toBeCloseTo(adam.values[step]?.[i] ?? NaN, 5);
    }
  }
});

test("Training finds what an affine map cannot say", async () => {
  let state = 1;
  const chance = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const x = Float32Array.from({ length: 2000 * 2 }, () => 4 * chance() - 2);
  // The product of the two numbers has no linear part.
  const y = Float32Array.from(
    { length: 2000 * 2 },
    (_, i) => (x[i - (i % 2)] ?? 0) * (x[i - (i % 2) + 1] ?? 0),
  );
  const affine = {
    kind: "affine",
    weight: new Float32Array(4),
    bias: new Float32Array(2),
  } as const;
  const of = { meanX: new Float64Array(2), varianceX: Float64Array.of(4 / 3, 4 / 3) };
  const found = await trainMlp({
    affine,
    of,
    x,
    y,
    hidden: 64,
    multiply: multiplyPlainly,
    chance,
  });
  const left = (map: Parameters<typeof mapped>[0]): number => {
    let sum = 0;
    for (let row = 0; row < 2000; row++) {
      const [a = NaN] = mapped(map, x.subarray(row * 2, row * 2 + 2));
      sum += (a - (y[row * 2] ?? NaN)) ** 2;
    }
    return sum;
  };
  expect(left(found)).toBeLessThan(0.5 * left(affine));
});
