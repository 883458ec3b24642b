import { describe, expect, test } from "vitest";

import { makeRope, type RopeScaling } from "./rope.ts";

/** Every fourth inverse frequency of heads of 64, as transformers 5.23 computes it in float32. */
const TRANSFORMERS: readonly (readonly [string, number, RopeScaling, readonly number[]])[] = [
  [
    "default",
    10_000,
    { kind: "default" },
    [
      1, 0.3162277638912201, 0.10000000149011612, 0.03162277862429619, 0.009999999776482582,
      0.003162277862429619, 0.0010000000474974513, 0.0003162277862429619,
    ],
  ],
  [
    "linear",
    100_000,
    { kind: "linear", factor: 3 },
    [
      0.3333333432674408, 0.07904578745365143, 0.018744708970189095, 0.0044450717978179455,
      0.0010540926596149802, 0.00024996473803184927, 5.927597885602154e-5, 1.405655075359391e-5,
    ],
  ],
  [
    "llama3",
    500_000,
    {
      kind: "llama3",
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 8192,
    },
    [
      1, 0.193922758102417, 0.03760603070259094, 0.00729266507551074, 0.0005248460220173001,
      3.428102354519069e-5, 6.647869668086059e-6, 1.289173155782919e-6,
    ],
  ],
];

describe("inverse frequencies are those of transformers", () => {
  test.each(TRANSFORMERS)("%s", (_, theta, scaling, expected) => {
    const { inverseFrequencies, attentionFactor } = makeRope(64, theta, scaling);
    expect(attentionFactor).toBe(1);
    expect(inverseFrequencies).toHaveLength(32);
    for (const [i, value] of expected.entries()) {
      // Within the last bits of float32: libraries round a power differently.
      expect(Math.abs((inverseFrequencies[4 * i] ?? NaN) / value - 1)).toBeLessThan(2e-7);
    }
  });
});

test("divisors divide one frequency each", () => {
  const plain = makeRope(4, 100, { kind: "default" }).inverseFrequencies;
  const divisors = Float32Array.of(1, 4);
  const divided = makeRope(4, 100, { kind: "divisors", divisors }).inverseFrequencies;
  expect([...divided]).toEqual([plain[0], Math.fround((plain[1] ?? 0) / 4)]);
});
