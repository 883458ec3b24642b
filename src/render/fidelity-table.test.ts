import { expect, test } from "vitest";

import { shareOf, type FidelityReport } from "../measure/fidelity.ts";
import { widthOf } from "./display-text.ts";
import { renderFidelity } from "./fidelity-table.ts";

const REPORT: FidelityReport = {
  precision: "quantized",
  device: "cpu",
  prompts: 3,
  positions: 40,
  top1: shareOf(39, 40),
  kl: { mean: 0.00123, worst: 0.4567, prompt: "대한민국의 수도는 ".repeat(8), position: 11 },
  probability: 0.0321,
  cosine: Array.from({ length: 7 }, (_, layer) => ({
    mean: 1 - 10 ** -(9 - layer),
    worst: 1 - 10 ** -(8 - layer),
  })),
  generations: { tokens: 20, common: [20, 7, 20] },
};

test("a report says how much is the same, in at most 80 columns", () => {
  const text = renderFidelity(REPORT, { model: "tiny", unicode: true });
  const lines = text.split("\n");
  expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(80);
  expect(lines).toEqual([
    "tiny  quantized against float32: 3 sentences, 40 tokens",
    "",
    "same most probable token   39 of 40 = 97.5% (95%: 87.1 to 99.6%)",
    "KL(float32 || quantized)   mean 1.2e-3, worst 0.46 nats",
    expect.stringMatching(/^ {2}worst at token 11 of "대한민국의 .*…$/u),
    "probability of a token     differs by 0.032 at most",
    "same 20 greedy tokens      2 of 3 texts; first difference behind 7 tokens",
    "",
    "1 - cosine of the states behind each block: mean, worst",
    "   0  <1e-7    <1e-7         3  1.0e-6   1.0e-5        6  1.0e-3   0.010",
    "   1  <1e-7    <1e-7         4  1.0e-5   1.0e-4",
    "   2  <1e-7    1.0e-6        5  1.0e-4   1.0e-3",
  ]);
});

test("a precision that changes nothing has no worst place", () => {
  const kl = { ...REPORT.kl, mean: 1e-12, worst: 1e-11 };
  const generations = { tokens: 20, common: [20, 20, 20] };
  const text = renderFidelity({ ...REPORT, kl, generations }, { model: "tiny", unicode: false });
  expect(text).toContain("mean <1e-7, worst <1e-7 nats\nprobability");
  expect(text).toContain("3 of 3 texts; first difference nowhere\n");
});

test("another device is named, and so is what it is held against", () => {
  const text = renderFidelity({ ...REPORT, device: "webgpu" }, { model: "tiny", unicode: true });
  expect(text).toContain("tiny  quantized on webgpu against float32 on the CPU: 3 sentences");
  expect(text).toContain("KL(cpu || webgpu)          mean 1.2e-3");
});
