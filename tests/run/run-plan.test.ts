import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import type { LoadedVectors } from "../../src/mapping/vector-file.ts";
import { EVIDENCE_TOKENS, evidenceByToken } from "../../src/measure/evidence.ts";
import { buildPlan } from "../../src/plan/build-plan.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { vectorKey, type VectorFiles } from "../../src/plan/vectors.ts";
import { gaussian } from "../../src/run/control-vectors.ts";
import { runPlan, type CellOutput } from "../../src/run/run-plan.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { CONTROL_KINDS } from "../../src/spec/spec.ts";
import { randomModel } from "../support/random-model.ts";
import { wordTokenizer } from "../support/word-model.ts";
import { compareSlowly, goOn, readSlowly, type SlowCell } from "./slow-path.ts";

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
/** Tokens write one or two of three letters. */
const RUN = {
  vectors: softPrompts(),
  endTokens: END_TOKENS,
  decode: (tokens: readonly number[]): string =>
    tokens.map((token) => ["a", "b", "c", "ab"][token % 4] ?? "").join(""),
};
const TOLERANCE = 1e-3;

/** Files with as many vectors as their names say, for targets of any length. */
function softPrompts(): VectorFiles<LoadedVectors> {
  const { hiddenSize } = model.architecture;
  return new Map(
    [1, 2, 3, 4, 5].map((count) => {
      const file = String(count);
      const data = gaussian({ seed: 3, layer: 0, index: count }, count * hiddenSize);
      const loaded: LoadedVectors = {
        ...{ file, tensor: "prompt", hash: `sha256:${count}`, hiddenSize, data },
        ...{ layers: undefined, positions: undefined, site: undefined, tokens: undefined },
        layerCount: count === 1 ? undefined : count,
      };
      return [vectorKey({ file }), loaded];
    }),
  );
}

/** The last token may not look at itself. */
const SELF_CUT = [{ from: -1, to: -1, layers: 1 }];

/** Any spec that generates: axes, several places, sites, one vector at several layers. */
const specs = fc.record({
  source: fc.array(fc.nat(VOCAB - 2), { minLength: 1, maxLength: 5 }),
  target: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 5 }),
  sourcePosition: fc.constantFrom<unknown>(-1, -1, "all", { from: 0, to: -1 }, { together: "all" }),
  sourceLayer: fc.constantFrom<unknown>("all", "embedding", -1, [0, 2], ["embedding", 1], {
    together: [1, 0],
  }),
  targetLayer: fc.constantFrom<unknown>("same", "all", 0, [2, 0], { together: [0, 2] }),
  targetPosition: fc.constantFrom<unknown>(-1, 0, "all", [0, -1]),
  site: fc.constantFrom("resid_post", "resid_pre", "mlp_out"),
  mode: fc.constantFrom<unknown>("replace", "add", "norm-matched", { interpolate: 0.25 }),
  mapping: fc.constantFrom<unknown>(
    { kind: "identity" },
    { kind: "scale", factor: -0.5 },
    { kind: "normalise", norm: 3 },
    { kind: "mean", with: ["a", "b"] },
    { kind: "difference", with: ["b"] },
    [{ kind: "difference", with: ["a", "b"] }, { kind: "normalise" }],
    [
      { kind: "projection", onto: "a", remove: true },
      { kind: "scale", factor: [-1, 3] },
    ],
    [
      { kind: "scale", factor: [0.5, 2] },
      { kind: "interpolation", with: "b", amount: 0.25 },
      { kind: "projection", onto: ["a"] },
    ],
  ),
  contamination: fc.constantFrom("keep", "hide", "overwrite"),
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
    [{ kind: "soft-prompt", positions: "all" }],
    [
      { kind: "soft-prompt", positions: -1 },
      { kind: "noise", positions: [0, -1] },
    ],
  ),
  maxTokens: fc.integer({ min: 1, max: EVIDENCE_TOKENS + 2 }),
  ignoreEos: fc.boolean(),
  stop: fc.constantFrom<readonly string[] | undefined>(undefined, undefined, ["ab"], ["cc", "ba"]),
  decoding: fc.constantFrom<unknown>(
    undefined,
    undefined,
    {},
    { temperature: 2, topK: 9, topP: 0.9 },
    { contrast: { amount: 2, plausibility: 0.05 } },
    { contrast: {}, temperature: 3 },
  ),
  seed: fc.integer({ min: 0 }),
  controls: fc.shuffledSubarray([...CONTROL_KINDS]),
});

type Shape = typeof specs extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/** Vectors of a mapping's steps: at the layer of the state that is mapped, and at one of their own. */
const SOURCES = {
  a: { tokens: [5, 39, 7], position: 1 }, // the last token is in no source: nothing is left of a vector less itself
  b: { tokens: [9, 3], layer: 1 },
};

/** Slices go one to one; only the residual stream can be overwritten. */
function placesOf(shape: Shape): Pick<Shape, "targetPosition" | "targetLayer" | "contamination"> {
  const isSlice = JSON.stringify(shape.sourcePosition).includes("together");
  const isOfLayers = JSON.stringify(shape.sourceLayer).includes("together");
  const count = shape.source.length;
  const slots = Array.from({ length: count }, (_, index) => (2 * index) % shape.target.length);
  const isComponent = shape.site === "mlp_out" && shape.contamination === "overwrite";
  return {
    targetPosition: isSlice ? slots : shape.targetPosition,
    targetLayer: isOfLayers ? { together: [0, 2] } : shape.targetLayer,
    contamination: isComponent ? "keep" : shape.contamination,
  };
}

/** A soft prompt's file has as many vectors as there are positions. */
function fileFor(intervention: object, { target }: Shape): object {
  if (!("kind" in intervention && intervention.kind === "soft-prompt")) return {};
  const isWhole = "positions" in intervention && intervention.positions === "all";
  return { file: String(isWhole ? target.length : 1) };
}

/** None that could leave a token with nothing to look at. */
function interventionsOf({ target, contamination, interventions }: Shape): readonly object[] {
  const isBlind = target.length === 1 || (contamination === "hide" && interventions === SELF_CUT);
  return isBlind ? [] : interventions.map((each) => ({ kind: "attention-knockout", ...each }));
}

function generating(shape: Shape): object {
  return {
    kind: "generate",
    maxTokens: shape.maxTokens,
    ignoreEos: shape.ignoreEos,
    ...(shape.stop === undefined ? {} : { stop: shape.stop }),
    ...(shape.decoding === undefined ? {} : { decoding: shape.decoding }),
    topK: 3,
  };
}

function planOf(given: Shape, read: object = generating(given)): Plan {
  const shape = { ...given, ...placesOf(given) };
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
      ...shape.ablations.map((each) => ({ kind: "ablation", ...each, ...fileFor(each, shape) })),
    ],
    sources: SOURCES,
    mapping: shape.mapping,
    read,
    controls: shape.controls,
    contrast: CONTRAST,
    seed: shape.seed,
  });
  const architecture = { ...model.architecture, maxPositions: 64 };
  return buildPlan(spec, {
    model: { name: "toy", architecture, tokenizer: wordTokenizer() },
    unrelatedSentences: SENTENCES,
    vectors: RUN.vectors,
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
  const output = await runPlan(plan, engine, RUN);
  for (const [index, cell] of plan.cells.entries()) {
    const expected = await readSlowly(plan, slow, cell, RUN);
    const got = output.cells[index];
    assert(got, "every cell was read");
    expect(got.generated.map(({ token }) => token)).toEqual(expected.tokens);
    got.generated.forEach(({ logprob }, step) => {
      expect(Math.abs(logprob - (expected.logprobs[step] ?? NaN))).toBeLessThan(TOLERANCE);
    });
    // Where a stop string came first, there is nothing to score.
    if (expected.tokens.length > 0) expectScores(plan, got, expected);
    else expect(got.evidence).toBeUndefined();
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

  test("compare a patched run with the clean one as two whole runs do", async () => {
    const engine = await create(model);
    const slow = await createReferenceEngine(model);
    await fc.assert(
      fc.asyncProperty(specs, fc.nat(), async (shape, chance) => {
        const plan = planOf(shape, { kind: "propagation" });
        const { cells } = await runPlan(plan, engine, RUN);
        const index = chance % cells.length;
        const [cell, got] = [plan.cells[index], cells[index]?.propagation];
        assert(cell && got, "every cell is compared");
        expect(got.layers.at(-1)).toBe(LAYERS - 1);
        expect(got.positions.at(-1)).toBe(plan.target.tokens.length - 1);
        for (const [row, layer] of got.layers.entries()) {
          for (const [column, position] of got.positions.entries()) {
            const expected = await compareSlowly(plan, slow, cell, {
              layer,
              position,
              vectors: RUN.vectors,
            });
            const { patched, clean, patchedLens, cleanLens } = expected;
            const norm = (of: Float32Array): number => Math.hypot(...of);
            const apart = norm(patched.map((value, at) => value - (clean[at] ?? 0)));
            const product = sum(Array.from(patched, (value, at) => value * (clean[at] ?? 0)));
            const kl = patchedLens.map((p, token) => Math.exp(p) * (p - (cleanLens[token] ?? 0)));
            expectClose(got.difference[row]?.[column], apart / (norm(clean) || 1));
            // A state that is ablated has no direction.
            const isGone = norm(patched) === 0 || norm(clean) === 0;
            const cosine = isGone ? Number(norm(patched) === norm(clean)) : undefined;
            expectClose(got.cosine[row]?.[column], cosine ?? product / norm(patched) / norm(clean));
            expectClose(got.kl[row]?.[column], sum(kl));
          }
        }
      }),
      { numRuns: 12, seed: 7 },
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
      stop: undefined,
      decoding: undefined,
      seed: 0,
      contamination: "keep",
      interventions: [],
      ablations: [],
      controls: ["text-only"],
    };
    const { textOnly, unpatched } = await runPlan(planOf(shape), engine, RUN);
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
      stop: undefined,
      decoding: undefined,
      seed: 0,
      controls: ["unpatched", "unrelated"],
    });
    const controller = new AbortController();
    const run = runPlan(plan, engine, {
      ...RUN,
      signal: controller.signal,
      onEvent: () => {
        controller.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ code: "aborted" });
    await engine.dispose();
  });
});
