/** What must hold of the real model whatever it says: no numbers from elsewhere. */
import { describe, expect, test } from "vitest";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import type { CellRecord, PatchscopeResult, ReadOutRecord } from "../../src/result/result.ts";
import { captureStates } from "../../src/run/capture.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { SITES } from "../../src/site.ts";
import { presetSpec } from "../../src/spec/presets/presets.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { expectNear } from "../support/nats.ts";
import {
  describeRealModel,
  REAL_MODEL,
  TEST_THREADS,
  useLoadedModel,
  useResource,
} from "../support/real-model.ts";

/** Nats: batches of other sizes add numbers in another order. */
const TOLERANCE = 2e-4;
/** Nats: the same stored weights, multiplied in blocks. */
const QUANTIZED_TOLERANCE = 1e-3;

const JAPAN = "I spent the summer in Japan";
const CURRENCY = "The official currency of x";
const GRID = {
  version: 1,
  source: { model: REAL_MODEL, prompt: JAPAN, position: [1, -1], layer: ["embedding", 14] },
  target: { prompt: "The government of x is in the city of", position: 3, layer: [2, 29] },
  read: { kind: "generate", maxTokens: 8 },
};

await describeRealModel("SmolLM2 in float32", () => {
  const loaded = useLoadedModel();
  const run = (input: unknown): Promise<PatchscopeResult> => runSpec(parseSpec(input), loaded());

  test("says the same when a state is written back where it came from", async () => {
    const result = await run({
      version: 1,
      source: {
        model: REAL_MODEL,
        prompt: JAPAN,
        position: [0, 3, -1],
        layer: ["embedding", 0, 15, 29],
      },
      target: { prompt: "same", position: "same" },
      read: { kind: "generate", maxTokens: 8 },
      controls: ["unpatched"],
    });
    expect(result.cells).toHaveLength(12);
    for (const cell of result.cells) {
      expectSame(cell, result.controls.unpatched);
      expectNear([cell.evidence], [0], TOLERANCE);
    }
  });

  test.each(SITES)("says the same when %s is written back where it came from", async (site) => {
    const result = await run({
      version: 1,
      source: { model: REAL_MODEL, prompt: JAPAN, position: "all", layer: [0, 15, 29], site },
      target: { prompt: "same", position: "same", site },
      read: { kind: "next-token" },
    });
    expect(result.cells).toHaveLength(18);
    for (const cell of result.cells) expectSame(cell, result.controls.unpatched);
  });

  test("is read by the logit lens of its last layer as it speaks itself", async () => {
    const spec = presetSpec("logit-lens", {
      prompt: JAPAN,
      model: REAL_MODEL,
      position: "all",
      layer: -1,
    });
    const result = await runSpec(spec, loaded());
    const { tokens } = result.source;
    const { logits } = await captureStates(loaded().engine, {
      tokens,
      site: "resid_post",
      layers: [],
    });
    const { vocabSize } = loaded().engine.architecture;
    expect(result.cells).toHaveLength(tokens.length);
    for (const [position, { next }] of result.cells.entries()) {
      const own = logSoftmax(logits.subarray(position * vocabSize, (position + 1) * vocabSize));
      const ranked = [...own.keys()].sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0));
      expect(next.map(({ token }) => token)).toEqual(ranked.slice(0, next.length));
      expectNear(
        next.map(({ token }) => own[token]),
        next.map(({ logprob }) => logprob),
        TOLERANCE,
      );
    }
  });

  describe("in a grid of cells", () => {
    const grid = useResource(
      () => run(GRID),
      () => Promise.resolve(),
    );

    test("says in one batch what it says cell by cell, with the same evidence", async () => {
      expect(grid().cells).toHaveLength(8);
      for (const cell of grid().cells) {
        const { source, target } = placesOf(cell);
        const single = await run({
          ...GRID,
          source: { ...GRID.source, ...source },
          target: { ...GRID.target, ...target },
        });
        const [only] = single.cells;
        expectSame(only, cell);
        expectSame(single.controls.unpatched, grid().controls.unpatched);
        expectNear([only?.evidence], [cell.evidence ?? NaN], TOLERANCE);
      }
    });

    test("says the same without controls, and has no evidence then", async () => {
      const bare = await run({ ...GRID, controls: [] });
      expect(bare.controls).toEqual({});
      for (const [index, cell] of grid().cells.entries()) {
        expectSame(bare.cells[index], cell);
        expect(bare.cells[index]).not.toHaveProperty("evidence");
        expect(bare.cells[index]).not.toHaveProperty("logprobUnder");
      }
    });
  });

  describe("held against the quantised weights", () => {
    const quantized = useResource(
      () => createOnnxEngine(loaded().model, { precision: "quantized", threads: TEST_THREADS }),
      (engine) => engine.dispose(),
    );
    const specs = [
      { prompt: "Barack Obama", target: undefined },
      { prompt: JAPAN, target: CURRENCY },
    ].map(({ prompt, target }) =>
      presetSpec(target === undefined ? "entity" : "attribute", {
        prompt,
        model: REAL_MODEL,
        layer: [0, 6, 29],
        maxTokens: 10,
        controls: [],
        ...(target === undefined ? {} : { ask: target }),
      }),
    );

    test.each(specs)(
      "says the same, and the run has the same hash: $source.prompt",
      async (spec) => {
        const float32 = await runSpec(spec, loaded());
        const { model } = loaded();
        const renamed = {
          ...spec,
          name: "another name",
          source: { ...spec.source, model: "another name" },
        };
        const result = await runSpec(renamed, {
          model: { ...model, name: "another name" },
          engine: quantized(),
        });
        expect(result.models[0]).toMatchObject({ name: "another name", precision: "quantized" });
        expect(float32.models[0]).toMatchObject({ name: REAL_MODEL, precision: "float32" });
        expect(result.models[0]?.weights).toBe(float32.models[0]?.weights);
        expect(result.specHash).toBe(float32.specHash);
        expect(result.cells).toHaveLength(3);
        for (const [index, cell] of float32.cells.entries()) {
          expectSame(result.cells[index], cell, QUANTIZED_TOLERANCE);
        }
      },
    );
  });
});

/** The same text, equally probable, out of equally probable first tokens. */
function expectSame(
  actual: ReadOutRecord | undefined,
  expected: ReadOutRecord | undefined,
  tolerance = TOLERANCE,
): void {
  expect(actual?.tokens).toEqual(expected?.tokens);
  expect(actual?.text).toBe(expected?.text);
  expectNear(actual?.logprobs ?? [], expected?.logprobs ?? [], tolerance);
  const logprobOf = new Map(actual?.next.map(({ token, logprob }) => [token, logprob]));
  // The last of the most probable may change places with the one behind it.
  const next = expected?.next.slice(0, -1) ?? [];
  expect(next).not.toHaveLength(0);
  expectNear(
    next.map(({ token }) => logprobOf.get(token)),
    next.map(({ logprob }) => logprob),
    tolerance,
  );
}

function placesOf(cell: CellRecord): Record<"source" | "target", object> {
  return "writes" in cell
    ? { source: {}, target: {} }
    : { source: cell.source, target: cell.target };
}

function logSoftmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return Array.from(logits, (logit) => logit - largest - Math.log(total));
}
