/** Causal tracing of a fact in SmolLM2-135M-Instruct against transformers with the same noise: make_causal_tracing.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { embeddingDeviation } from "../../src/run/replacements.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { presetSpec } from "../../src/spec/presets/presets.ts";
import { FIXTURES } from "../support/goldens.ts";
import { describeCachedModel, REAL_MODEL } from "../support/real-model.ts";

const numbers = z.array(z.number());
const fixture = z
  .object({
    prompt: z.string(),
    tokens: numbers,
    answer: z.number(),
    noised: numbers,
    deviation: z.number(),
    clean: z.number(),
    corrupted: numbers,
    layers: numbers,
    /** `[samples][layers][positions]` */
    restored: z.array(z.array(numbers)),
  })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "causal-tracing.json"), "utf8")));

const TOLERANCE = 1e-3;
const NAME = "probability source";

await describeCachedModel(REAL_MODEL, "Causal tracing of a real model", (loaded) => {
  test("gives PyTorch's probabilities, clean, with noise, and with each state put back", async () => {
    const { prompt, layers, corrupted } = fixture;
    const spec = presetSpec("causal-tracing", {
      ...{ prompt, model: REAL_MODEL, subject: "Eiffel", layer: layers },
      samples: corrupted.length,
    });
    const result = await runSpec({ ...spec, seed: 7 }, loaded());
    expect(result.source.tokens).toEqual(fixture.tokens);
    expect(result.target.noised).toEqual(fixture.noised);
    expect(result.source.next?.[0]?.token).toBe(fixture.answer);
    expectNear(result.source.metrics?.[NAME], fixture.clean);
    expectNear(result.controls.unpatched?.metrics?.[NAME], mean(corrupted));
    expect(result.cells).toHaveLength(layers.length * fixture.tokens.length);
    for (const cell of result.cells) {
      if ("writes" in cell) expect.unreachable();
      const { layer, position } = cell.source;
      const at = layers.findIndex((each) => each === layer);
      const expected = fixture.restored.map((sample) => sample[at]?.[position] ?? NaN);
      expectNear(cell.metrics?.[NAME], mean(expected));
    }
  });

  test("measures how far embeddings are spread as PyTorch does", async () => {
    const measured = await embeddingDeviation(loaded().engine);
    expect(measured / fixture.deviation).toBeCloseTo(1, 4);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function expectNear(got: number | undefined, expected: number): void {
  expect(Math.abs((got ?? NaN) - expected)).toBeLessThan(TOLERANCE);
}
