/** Plans of two models, of other width and depth, against running every cell and control alone from block 0. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import type { FittedMapping, MappedLayer } from "../../src/mapping/fitted-mapping.ts";
import { mapped, type FittedMap } from "../../src/mapping/mapping.ts";
import { EVIDENCE_TOKENS, evidenceByToken } from "../../src/measure/evidence.ts";
import { buildPlan } from "../../src/plan/build-plan.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { CONTROL_KINDS } from "../../src/spec/spec.ts";
import { randomModel } from "../support/random-model.ts";
import { wordTokenizer } from "../support/word-model.ts";
import { goOn, readSlowly, type SlowSource } from "./slow-path.ts";

const VOCAB = 40;
const heads = { heads: 4, kvHeads: 2, headSize: 4, intermediateSize: 24 };
const small = randomModel({ seed: 3, layers: 2, hiddenSize: 12, vocabSize: 30, ...heads });
const large = randomModel({ seed: 5, layers: 4, hiddenSize: 20, vocabSize: VOCAB, ...heads });
const END_TOKENS = new Set([7, 19]);
const RUN = { endTokens: END_TOKENS, decode: (): string => "" };
const TOLERANCE = 1e-3;
const SENTENCES = ["red", "one two three"];

/** Any numbers, other ones for each pair of layers, that keep states about as long as they are. */
function affineOf(pair: number): FittedMap {
  const [n, m] = [small.architecture.hiddenSize, large.architecture.hiddenSize];
  return {
    kind: "affine",
    weight: Float32Array.from({ length: n * m }, (_, at) => 0.5 * Math.sin(at * (pair + 1))),
    bias: Float32Array.from({ length: m }, (_, at) => 0.3 * Math.cos(at + pair)),
  };
}

function layersOf(count: number): readonly MappedLayer[] {
  return ["embedding", ...Array.from({ length: count }, (_, layer) => layer)];
}

const pairs = layersOf(2).flatMap((source) => layersOf(4).map((target) => ({ source, target })));

function mappingOf(site: FittedMapping["site"]): FittedMapping {
  const record = { name: "toy", weights: "sha256:00", layers: 2, hiddenSize: 12 };
  return {
    kind: "affine",
    model: record,
    target: { ...record, layers: 4, hiddenSize: 20 },
    site,
    pairs: pairs.map((pair, index) => ({ ...pair, map: affineOf(index) })),
  };
}

const specs = fc.record({
  source: fc.array(fc.nat(29), { minLength: 1, maxLength: 4 }),
  target: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 4 }),
  sourcePosition: fc.constantFrom<unknown>(-1, "all"),
  sourceLayer: fc.constantFrom<unknown>("all", "embedding", -1, ["embedding", 1]),
  targetLayer: fc.constantFrom<unknown>("same", "all", -1, [3, 0], { together: [0, 2] }),
  targetPosition: fc.constantFrom<unknown>(-1, 0, "all"),
  site: fc.constantFrom("resid_post" as const, "resid_pre" as const),
  mode: fc.constantFrom<unknown>("replace", "add", "norm-matched", "norm-scaled"),
  maxTokens: fc.integer({ min: 1, max: EVIDENCE_TOKENS + 1 }),
  seed: fc.nat(),
  controls: fc.shuffledSubarray([...CONTROL_KINDS]),
});

type Shape = typeof specs extends fc.Arbitrary<infer Drawn> ? Drawn : never;

function planOf({ source, target, ...shape }: Shape): Plan {
  const { site, controls, seed } = shape;
  const spec = parseSpec({
    version: 1,
    source: {
      model: "small",
      tokens: source,
      position: shape.sourcePosition,
      layer: shape.sourceLayer,
      site,
    },
    target: {
      model: "large",
      tokens: target,
      position: shape.targetPosition,
      layer: shape.targetLayer,
      site,
      mode: shape.mode,
    },
    mapping: { file: "map.safetensors" },
    read: { kind: "generate", maxTokens: shape.maxTokens, topK: 3 },
    controls,
    contrast: ["two one"],
    seed,
  });
  const tokenizer = wordTokenizer();
  const modelOf = ({ architecture }: typeof small, name: string) =>
    ({ name, architecture: { ...architecture, maxPositions: 64 }, tokenizer }) as const;
  return buildPlan(spec, {
    model: modelOf(small, "small"),
    targetModel: modelOf(large, "large"),
    unrelatedSentences: SENTENCES,
  });
}

function expectAllClose(got: readonly number[] | undefined, expected: readonly number[]): void {
  expect(got?.length).toBe(expected.length);
  expected.forEach((value, at) => {
    expect(Math.abs((got?.[at] ?? NaN) - value)).toBeLessThan(TOLERANCE);
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

interface Engines {
  readonly source: Engine;
  readonly target: Engine;
}

async function expectSameAsSlow(shape: Shape, fast: Engines, slow: Engines): Promise<void> {
  const plan = planOf(shape);
  const output = await runPlan(plan, fast.target, {
    endTokens: END_TOKENS,
    sourceEngine: fast.source,
    fitted: mappingOf(shape.site),
  });
  // What block 0 reads is the embedding.
  const nameOf = (layer: MappedLayer): MappedLayer =>
    shape.site === "resid_pre" && layer === 0 ? "embedding" : layer;
  const map: SlowSource["map"] = (vector, names) => {
    const index = pairs.findIndex(
      ({ source, target }) => source === nameOf(names.source) && target === nameOf(names.target),
    );
    return mapped(affineOf(index), vector);
  };
  for (const [index, cell] of plan.cells.entries()) {
    const got = output.cells[index];
    assert(got, "every cell was read");
    const source = { engine: slow.source, map };
    const expected = await readSlowly(plan, slow.target, cell, RUN, source);
    expect(got.generated.map(({ token }) => token)).toEqual(expected.tokens);
    const logprobs = got.generated.map(({ logprob }) => logprob);
    expectAllClose(logprobs, expected.logprobs);
    const unpatched = plan.controls.unpatched ? expected.unpatched : undefined;
    const underVector = expected.logprobs.slice(0, EVIDENCE_TOKENS);
    const own = evidenceByToken({ underVector, unpatched, against: expected.unrelated });
    expect(got.evidence === undefined).toBe(own === undefined);
    expectAllClose(got.evidenceByToken ?? [], own?.byToken ?? []);
    const under = got.logprobUnder;
    expectAllClose(under?.contrast, expected.contrast.map(sum));
    expectAllClose(under?.random ?? [], expected.random.map(sum));
    expectAllClose(
      under?.mean === undefined ? [] : [under.mean],
      plan.controls.mean.length > 0 ? [sum(expected.mean)] : [],
    );
  }
}

describe.each([
  ["reference", createReferenceEngine],
  ["onnx", (definition: typeof small) => createOnnxEngine(definition, { threads: 1 })],
] as const)("plans of two models on the %s engine", (_, create) => {
  test("say what running every cell and control alone from block 0 says", async () => {
    const fast = { source: await create(small), target: await create(large) };
    const slow = {
      source: await createReferenceEngine(small),
      target: await createReferenceEngine(large),
    };
    await fc.assert(
      fc.asyncProperty(specs, (shape) => expectSameAsSlow(shape, fast, slow)),
      { numRuns: 25, seed: 9 },
    );
    await fast.source.dispose();
    await fast.target.dispose();
  });

  test("say without the patch, and with the text in its place, what the target's model says", async () => {
    const [source, target] = [await create(small), await create(large)];
    const slow = await createReferenceEngine(large);
    const plan = planOf({
      source: [1],
      target: [3, 4, 5],
      sourcePosition: -1,
      sourceLayer: [0],
      targetLayer: 1,
      targetPosition: 1,
      site: "resid_post",
      mode: "replace",
      maxTokens: 5,
      seed: 0,
      controls: ["unpatched", "text-only"],
    });
    const fitted = mappingOf("resid_post");
    const run = { endTokens: new Set<number>(), sourceEngine: source, fitted };
    const { unpatched, textOnly } = await runPlan(plan, target, run);
    const plain = await goOn(slow, [3, 4, 5], 5);
    expect(unpatched?.generated.map(({ token }) => token)).toEqual(plain.tokens);
    const text = plan.controls.textOnly?.tokens ?? [];
    const withText = await goOn(slow, text, 5);
    expect(textOnly?.generated.map(({ token }) => token)).toEqual(withText.tokens);
    expect(text).toHaveLength(3);
    await source.dispose();
    await target.dispose();
  });
});
