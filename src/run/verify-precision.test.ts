import { describe, expect, test } from "vitest";

import { randomModel } from "../../tests/support/random-model.ts";
import { modelWithoutTokenizer, wordTokenizer } from "../../tests/support/word-model.ts";
import type { ModelDefinition } from "../engine/architecture.ts";
import type { Engine, Precision } from "../engine/engine.ts";
import { createReferenceEngine } from "../engine/reference/reference-engine.ts";
import { VERIFY_SENTENCES } from "../measure/verify-sentences.ts";
import type { PlanModel } from "../plan/encode-prompt.ts";
import { verifyPrecision } from "./verify-precision.ts";

const VOCAB = 400;
const definition = randomModel({ seed: 1, vocabSize: VOCAB });

function named(model: ModelDefinition): PlanModel {
  const { architecture } = model;
  return { name: "random", architecture, tokenizer: wordTokenizer() };
}

/** The same model with weights of block 1 rounded to eighths. */
const rounded: ModelDefinition = {
  ...definition,
  weights: {
    ...definition.weights,
    layer: (layer, weight) => {
      const tensor = definition.weights.layer(layer, weight);
      if (layer !== 1 || tensor.shape.length === 1) return tensor;
      return {
        ...tensor,
        dequantize: async (out, offset = 0) => {
          await tensor.dequantize(out, offset);
          const end = offset + tensor.shape.reduce((size, axis) => size * axis, 1);
          for (let i = offset; i < end; i++) out[i] = Math.round(8 * (out[i] ?? 0)) / 8;
        },
      };
    },
  },
};

/** Float32 is the model, every other precision the rounded one; counts how many engines are open. */
function opener(): {
  readonly open: (precision: Precision) => Promise<Engine>;
  readonly counts: { open: number; most: number };
} {
  const counts = { open: 0, most: 0 };
  return {
    counts,
    open: async (precision) => {
      const engine = await createReferenceEngine(precision === "float32" ? definition : rounded);
      counts.open += 1;
      counts.most = Math.max(counts.most, counts.open);
      return {
        info: engine.info,
        architecture: engine.architecture,
        run: (pass, signal) => engine.run(pass, signal),
        select: (cache, rows) => engine.select(cache, rows),
        dispose: async () => {
          counts.open -= 1;
          await engine.dispose();
        },
      };
    },
  };
}

describe("verifyPrecision", () => {
  test("finds no difference between float32 and itself", async () => {
    const { open } = opener();
    const report = await verifyPrecision({ model: named(definition), precision: "float32", open });
    expect(report.top1.count).toBe(report.positions);
    expect(report.kl).toMatchObject({ mean: 0, worst: 0 });
    expect(report).toMatchObject({ device: "cpu", probability: 0 });
    for (const { mean, worst } of report.cosine) {
      expect(mean).toBeCloseTo(1, 12);
      expect(worst).toBeCloseTo(1, 12);
    }
    expect(new Set(report.generations.common)).toEqual(new Set([report.generations.tokens]));
  });

  test("takes its baseline from elsewhere where it is given one, and says what ran the other", async () => {
    const { open, counts } = opener();
    const report = await verifyPrecision({
      model: named(definition),
      precision: "float32",
      open: async () => {
        const engine = await open("quantized");
        return { ...engine, info: { ...engine.info, device: "webgpu" } };
      },
      openBaseline: () => open("float32"),
    });
    expect(report).toMatchObject({ precision: "float32", device: "webgpu" });
    expect(report.probability).toBeGreaterThan(0.001);
    expect(counts).toEqual({ open: 0, most: 1 });
  });

  test("finds what was rounded, from its block on, and where it is worst", async () => {
    const { open } = opener();
    const model = named(definition);
    const report = await verifyPrecision({ model, precision: "quantized", open });
    expect(report).toMatchObject({ precision: "quantized", prompts: VERIFY_SENTENCES.length });
    expect(report.top1.of).toBe(report.positions);
    expect(report.top1.count).toBeLessThan(report.positions);
    expect(report.kl.worst).toBeGreaterThan(report.kl.mean);
    expect(report.kl.mean).toBeGreaterThan(0.001);
    expect(VERIFY_SENTENCES).toContain(report.kl.prompt);
    const [first, second, third] = report.cosine;
    expect(first?.worst).toBeCloseTo(1, 12);
    expect(second?.worst).toBeLessThan(0.999);
    expect(third?.mean).toBeLessThan(0.9999);
    expect(report.generations.common).toHaveLength(VERIFY_SENTENCES.length);
    expect(Math.min(...report.generations.common)).toBeLessThan(report.generations.tokens);
  });

  test("has one engine open at a time, and none in the end", async () => {
    const { open, counts } = opener();
    const steps: string[] = [];
    await verifyPrecision({
      model: named(definition),
      precision: "quantized",
      open,
      onProgress: ({ precision, done, total }) => steps.push(`${precision} ${done}/${total}`),
    });
    expect(counts).toEqual({ open: 0, most: 1 });
    expect(steps).toHaveLength(2 * VERIFY_SENTENCES.length);
    expect(steps[0]).toBe(`float32 0/${VERIFY_SENTENCES.length}`);
  });

  test("stops when it is told to, and disposes of its engine", async () => {
    const { open, counts } = opener();
    const stop = new AbortController();
    const running = verifyPrecision({
      model: named(definition),
      precision: "quantized",
      open,
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 2) stop.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: "aborted" });
    expect(counts.open).toBe(0);
  });

  test("needs a tokenizer, and says so before anything is loaded", async () => {
    const { open, counts } = opener();
    const model = modelWithoutTokenizer();
    await expect(verifyPrecision({ model, precision: "quantized", open })).rejects.toMatchObject({
      code: "spec-invalid",
    });
    expect(counts.most).toBe(0);
  });
});
