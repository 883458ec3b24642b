import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import { EVIDENCE_TOKENS, evidenceByToken } from "../../src/measure/evidence.ts";
import { buildPlan } from "../../src/plan/build-plan.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { runPlan, type CellOutput } from "../../src/run/run-plan.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { CONTROL_KINDS } from "../../src/spec/spec.ts";
import { randomModel } from "../support/random-model.ts";
import { wordTokenizer } from "../support/word-model.ts";
import { goOn, readSlowly, type SlowCell } from "./slow-path.ts";

const LAYERS = 3;
const VOCAB = 40;
const model = randomModel({
  seed: 11,
  layers: LAYERS,
  hiddenSize: 16,
  heads: 4,
  kvHeads: 2,
  headSize: 4,
  intermediateSize: 24,
  vocabSize: VOCAB,
});
const SENTENCES = ["red", "one two three", "a b"];
const CONTRAST = ["two one", { prompt: "one red two", position: 1 }];
const END_TOKENS = new Set([7, 19]);
const TOLERANCE = 1e-3;

/** The last token may not look at itself. */
const SELF_CUT = [{ from: -1, to: -1, layers: 1 }];

/** Any spec that generates: axes, several places, sites, one vector at several layers. */
const specs = fc.record({
  source: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 5 }),
  target: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 5 }),
  sourcePosition: fc.constantFrom<unknown>(-1, -1, "all"),
  sourceLayer: fc.constantFrom<unknown>("all", "embedding", -1, [0, 2], ["embedding", 1]),
  targetLayer: fc.constantFrom<unknown>("same", "all", 0, [2, 0], { together: [0, 2] }),
  targetPosition: fc.constantFrom<unknown>(-1, 0, "all", [0, -1]),
  site: fc.constantFrom("resid_post", "resid_pre", "mlp_out"),
  mode: fc.constantFrom<unknown>("replace", "add", "norm-matched", { interpolate: 0.25 }),
  mapping: fc.constantFrom<unknown>(
    { kind: "identity" },
    { kind: "scale", factor: -0.5 },
    { kind: "normalise", norm: 3 },
  ),
  contamination: fc.constantFrom("keep", "hide"),
  interventions: fc.constantFrom<readonly object[]>(
    [],
    [{ from: "all", to: 0 }],
    [{ from: -1, to: "all", layers: [1, 2] }],
    SELF_CUT,
    [
      { from: "all", to: [0, -1], layers: 2 },
      { from: -1, to: 0, layers: { from: 0, to: 1 } },
    ],
  ),
  ablations: fc.constantFrom<readonly object[]>(
    [],
    [],
    [{ positions: 0, layers: 1 }],
    [{ positions: "all", layers: [0, 2], site: "attn_out", with: "mean" }],
    [{ positions: -1, site: "mlp_out", sweep: { layers: 1 } }],
    [{ kind: "noise", positions: [0, -1] }],
  ),
  maxTokens: fc.integer({ min: 1, max: EVIDENCE_TOKENS + 2 }),
  ignoreEos: fc.boolean(),
  decoding: fc.constantFrom<unknown>(
    undefined,
    undefined,
    {},
    { temperature: 2, topK: 9, topP: 0.9 },
  ),
  seed: fc.integer({ min: 0 }),
  controls: fc.shuffledSubarray([...CONTROL_KINDS]),
});

type Shape = typeof specs extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/** None that could leave a token with nothing to look at. */
function interventionsOf({ target, contamination, interventions }: Shape): readonly object[] {
  const isBlind = target.length === 1 || (contamination === "hide" && interventions === SELF_CUT);
  return isBlind ? [] : interventions.map((each) => ({ kind: "attention-knockout", ...each }));
}

function planOf(shape: Shape): Plan {
  // The embedding is a state of the residual stream only.
  const layerOf = (ref: unknown): unknown =>
    shape.site === "mlp_out" ? JSON.parse(JSON.stringify(ref).replaceAll('"embedding"', "1")) : ref;
  const spec = parseSpec({
    version: 1,
    source: {
      model: "toy",
      tokens: shape.source,
      position: shape.sourcePosition,
      layer: layerOf(shape.sourceLayer),
      site: shape.site,
    },
    target: {
      tokens: shape.target,
      layer: shape.targetLayer,
      position: shape.targetPosition,
      site: shape.site,
      mode: shape.mode,
      contamination: shape.contamination,
    },
    interventions: [
      ...interventionsOf(shape),
      ...shape.ablations.map((each) => ({ kind: "ablation", ...each })),
    ],
    mapping: shape.mapping,
    read: {
      kind: "generate",
      maxTokens: shape.maxTokens,
      ignoreEos: shape.ignoreEos,
      ...(shape.decoding === undefined ? {} : { decoding: shape.decoding }),
      topK: 3,
    },
    controls: shape.controls,
    contrast: CONTRAST,
    seed: shape.seed,
  });
  const architecture = { ...model.architecture, maxPositions: 64 };
  return buildPlan(spec, {
    model: { name: "toy", architecture, tokenizer: wordTokenizer() },
    unrelatedSentences: SENTENCES,
  });
}

/** Sums of what the slow way says of each token, for the controls that the plan has. */
function expectScores(plan: Plan, got: CellOutput, expected: SlowCell): void {
  const { controls } = plan;
  const unpatched = controls.unpatched ? expected.unpatched : undefined;
  const underVector = expected.logprobs.slice(0, EVIDENCE_TOKENS);
  const { unrelated, contrast } = expected;
  const own = evidenceByToken({ underVector, unpatched, against: unrelated });
  expectClose(got.evidence, own?.total);
  expectAllClose(got.evidenceByToken, own?.byToken);
  const other = evidenceByToken({ underVector, unpatched, against: contrast });
  expectClose(got.evidenceContrast, other?.total);
  expectAllClose(got.evidenceContrastByToken, other?.byToken);
  const under = got.logprobUnder;
  expectClose(under?.unpatched, unpatched && sum(unpatched));
  expectAllClose(under?.unrelated, controls.unrelated.length > 0 ? unrelated.map(sum) : undefined);
  expect(controls.contrast).toHaveLength(CONTRAST.length);
  expectAllClose(under?.contrast, contrast.map(sum));
  expectClose(under?.mean, controls.mean.length > 0 ? sum(expected.mean) : undefined);
  expectAllClose(under?.random, controls.random > 0 ? expected.random.map(sum) : undefined);
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function expectClose(got: number | undefined, expected: number | undefined): void {
  if (expected === undefined) expect(got).toBeUndefined();
  else expect(Math.abs((got ?? NaN) - expected)).toBeLessThan(TOLERANCE);
}

function expectAllClose(
  got: readonly number[] | undefined,
  expected: readonly number[] | undefined,
): void {
  expect(got?.length).toBe(expected?.length);
  expected?.forEach((value, at) => {
    expectClose(got?.[at], value);
  });
}

async function expectSameAsSlow(plan: Plan, engine: Engine, slow: Engine): Promise<void> {
  const output = await runPlan(plan, engine, { endTokens: END_TOKENS });
  for (const [index, cell] of plan.cells.entries()) {
    const expected = await readSlowly(plan, slow, cell, END_TOKENS);
    const got = output.cells[index];
    assert(got, "every cell was read");
    expect(got.generated.map(({ token }) => token)).toEqual(expected.tokens);
    got.generated.forEach(({ logprob }, step) => {
      expect(Math.abs(logprob - (expected.logprobs[step] ?? NaN))).toBeLessThan(TOLERANCE);
    });
    expectScores(plan, got, expected);
  }
}

describe.each([
  ["reference", createReferenceEngine],
  ["onnx", (definition: typeof model) => createOnnxEngine(definition, { threads: 1 })],
] as const)("plans on the %s engine", (_, create) => {
  test("say what running every cell and control alone from block 0 says", async () => {
    const engine = await create(model);
    const slow = await createReferenceEngine(model);
    await fc.assert(
      fc.asyncProperty(specs, async (shape) => {
        await expectSameAsSlow(planOf(shape), engine, slow);
      }),
      { numRuns: 25, seed: 4 },
    );
    await engine.dispose();
  });

  test("read the text in place of the vector as a plain run of that prompt does", async () => {
    const engine = await create(model);
    const slow = await createReferenceEngine(model);
    const shape: Shape = {
      source: [1, 2, 30],
      target: [3, 4, 5],
      sourcePosition: -1,
      sourceLayer: [0, 2],
      targetLayer: "same",
      targetPosition: 1,
      site: "resid_post",
      mode: "replace",
      mapping: { kind: "identity" },
      maxTokens: 10,
      ignoreEos: true,
      decoding: undefined,
      seed: 0,
      contamination: "keep",
      interventions: [],
      ablations: [],
      controls: ["text-only"],
    };
    const { textOnly, unpatched } = await runPlan(planOf(shape), engine, { endTokens: END_TOKENS });
    expect(unpatched).toBeUndefined();
    const expected = await goOn(slow, [3, 1, 2, 30, 5], 10);
    expect(textOnly?.generated.map(({ token }) => token)).toEqual(expected.tokens);
    expectAllClose(
      textOnly?.generated.map(({ logprob }) => logprob),
      expected.logprobs,
    );
    expect(textOnly?.next[0]).toEqual(textOnly?.generated[0]);
    await engine.dispose();
  });

  test("stop where the signal says so, and leave nothing behind", async () => {
    const engine = await create(model);
    const plan = planOf({
      source: [1, 2],
      target: [3, 4],
      sourcePosition: -1,
      sourceLayer: "all",
      targetLayer: "all",
      targetPosition: -1,
      site: "resid_post",
      mode: "replace",
      contamination: "keep",
      interventions: [],
      ablations: [],
      mapping: { kind: "identity" },
      maxTokens: 10,
      ignoreEos: true,
      decoding: undefined,
      seed: 0,
      controls: ["unpatched", "unrelated"],
    });
    const controller = new AbortController();
    const run = runPlan(plan, engine, {
      endTokens: END_TOKENS,
      signal: controller.signal,
      onEvent: () => {
        controller.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ code: "aborted" });
    await engine.dispose();
  });
});
