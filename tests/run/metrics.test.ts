/** Metrics and interventions of random plans, against what runs of the whole prompts give. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import { buildPlan } from "../../src/plan/build-plan.ts";
import type { Plan, PlannedCell, PlannedMetric, PlannedToken } from "../../src/plan/plan.ts";
import type { MetricValues } from "../../src/result/result.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { randomModel } from "../support/random-model.ts";
import { wordTokenizer } from "../support/word-model.ts";
import { readNextSlowly } from "./slow-path.ts";

const VOCAB = 40;
const size = { hiddenSize: 16, heads: 4, kvHeads: 2, headSize: 4, intermediateSize: 24 };
const model = randomModel({ seed: 5, layers: 3, ...size, vocabSize: VOCAB });
/** Models whose states are written into that one. */
const OTHERS = {
  "the same tokens": randomModel({ seed: 8, layers: 4, ...size, vocabSize: VOCAB }),
  "other tokens": randomModel({ seed: 9, layers: 3, ...size, vocabSize: VOCAB + 10 }),
};
type Other = keyof typeof OTHERS;
const SENTENCES = ["red", "one two three", "a b"];
const TOLERANCE = 1e-3;

const METRICS: readonly object[] = [
  { kind: "probability", of: 3 },
  { kind: "probability", of: "source" },
  { kind: "logprob", of: "source" },
  { kind: "rank", of: 12 },
  { kind: "logit-difference", of: "source", against: 9 },
  { kind: "logit-difference", of: "source", against: "unpatched" },
  { kind: "probability", of: "unpatched" },
  { kind: "entropy" },
  { kind: "kl", from: "unpatched" },
  { kind: "kl", from: "source" },
  { kind: "same-token", as: "source" },
  { kind: "same-token", as: "unpatched" },
];

const tokens = fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 5 });

const specs = fc.record({
  source: tokens,
  target: fc.option(tokens),
  sourcePosition: fc.constantFrom<unknown>(-1, "all"),
  sourceLayer: fc.constantFrom<unknown>("all", "embedding", [0, 2]),
  targetPosition: fc.constantFrom<unknown>(-1, 0, "all"),
  mode: fc.constantFrom("replace", "add"),
  contamination: fc.constantFrom("keep", "hide"),
  knockouts: fc.constantFrom<readonly object[]>([], [{ from: "all", to: 0, layers: 1 }]),
  read: fc.constantFrom<object>(
    { kind: "next-token", topK: 3 },
    { kind: "next-token", topK: 1, position: "same" },
    { kind: "next-token", topK: 2, position: 0 },
    { kind: "generate", maxTokens: 2, ignoreEos: true },
  ),
  metrics: fc.subarray([...METRICS], { minLength: 1 }),
  patches: fc.constantFrom<unknown>(undefined, undefined, undefined, []),
  window: fc.constantFrom<unknown>("same", "same", { window: 2 }, { window: 3 }),
  interventions: fc.constantFrom<readonly object[]>(
    [],
    [{ kind: "noise", positions: "all" }],
    [{ kind: "noise", positions: 0, scale: 0.5, samples: 3 }],
    [{ kind: "ablation", positions: 0, layers: 1 }],
    [
      { kind: "ablation", positions: "all", layers: [0, 2], site: "mlp_out", with: "mean" },
      { kind: "noise", positions: -1, samples: 2 },
    ],
    [{ kind: "ablation", positions: "all", site: "attn_out", sweep: { positions: 1, layers: 2 } }],
    [{ kind: "ablation", positions: [-1, 0], with: "mean", sweep: { layers: 1 } }],
    [
      { kind: "attention-knockout", from: -1, to: "all", sweep: { to: 2, layers: 3 } },
      { kind: "ablation", positions: 0, layers: 2 },
    ],
    [{ kind: "attention-knockout", from: "all", to: "all", layers: [2, 0], sweep: { from: 1 } }],
    [{ kind: "attention-knockout", from: "all", to: 0, sweep: { layers: 1 } }],
  ),
});

type Shape = typeof specs extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/** Texts have no mean over samples. */
const ONE_SAMPLE = (each: object): object => ("samples" in each ? { samples: 1 } : {});

/** The source's next token says nothing in another vocabulary. */
function metricsFor(shape: Shape, other: Other | undefined): readonly object[] {
  if (other !== "other tokens") return shape.metrics;
  const metrics = shape.metrics.filter((metric) => !Object.values(metric).includes("source"));
  return metrics.length > 0 ? metrics : [{ kind: "entropy" }];
}

function planOf(shape: Shape, other?: Other): Plan {
  const isWritten = shape.patches === undefined;
  const isText = "maxTokens" in shape.read;
  const spec = parseSpec({
    version: 1,
    source: {
      model: other ?? "toy",
      tokens: shape.source,
      ...(isWritten ? { position: shape.sourcePosition, layer: shape.sourceLayer } : {}),
    },
    target: {
      model: "toy",
      ...(shape.target === null ? { prompt: "same" } : { tokens: shape.target }),
      ...(isWritten ? { position: shape.targetPosition, layer: shape.window } : {}),
      mode: shape.mode,
      contamination: shape.contamination,
    },
    patches: shape.patches,
    interventions: [
      ...shape.knockouts.map((each) => ({ kind: "attention-knockout", ...each })),
      ...shape.interventions.map((each) => (isText ? { ...each, ...ONE_SAMPLE(each) } : each)),
    ],
    read: shape.read,
    metrics: metricsFor(shape, other),
  });
  const tokenizer = wordTokenizer();
  const modelOf = ({ architecture }: typeof model, name: string) =>
    ({ name, architecture: { ...architecture, maxPositions: 64 }, tokenizer }) as const;
  const toy = modelOf(model, "toy");
  return buildPlan(spec, {
    model: other === undefined ? toy : modelOf(OTHERS[other], other),
    targetModel: toy,
    unrelatedSentences: SENTENCES,
  });
}

type Runs = Awaited<ReturnType<typeof readNextSlowly>>;

function top(of: readonly number[]): number {
  return of.indexOf(Math.max(...of));
}

/** Equal ones come in the order of their ids: behind zeros in place of all states every token is equally likely. */
function isBefore(logprob: number, token: number, than: number, other: number): boolean {
  return logprob > than || (logprob === than && token < other);
}

/** By the definitions, from the log-probabilities of all tokens. */
function byHand(metric: PlannedMetric, of: keyof Runs, runs: Runs): number {
  const own = runs[of];
  const idOf = (token: PlannedToken): number =>
    typeof token === "number" ? token : top(runs[token]);
  const at = (token: PlannedToken): number => own[idOf(token)] ?? NaN;
  const mean = (value: (logprob: number, token: number) => number): number =>
    own.reduce((sum, logprob, token) => sum + value(logprob, token), 0);
  switch (metric.kind) {
    case "probability":
      return Math.exp(at(metric.of));
    case "logprob":
      return at(metric.of);
    case "rank":
      return (
        1 +
        own.filter((logprob, token) => isBefore(logprob, token, at(metric.of), idOf(metric.of)))
          .length
      );
    case "logit-difference":
      return at(metric.of) - at(metric.against);
    case "entropy":
      return mean((logprob) => -Math.exp(logprob) * logprob);
    case "kl": {
      const reference = runs[metric.from];
      return mean((logprob, token) => {
        const expected = reference[token] ?? NaN;
        return Math.exp(expected) * (expected - logprob);
      });
    }
    case "same-token":
      return top(own) === top(runs[metric.as]) ? 1 : 0;
  }
}

/** The mean over the samples that there are. */
function expectByHand(
  plan: Plan,
  got: MetricValues | undefined,
  of: keyof Runs,
  samples: readonly Runs[],
): void {
  expect(Object.keys(got ?? {})).toEqual(plan.metrics.map(({ name }) => name));
  for (const metric of plan.metrics) {
    const expected = samples.reduce((sum, runs) => sum + byHand(metric, of, runs), 0);
    const difference = (got?.[metric.name] ?? NaN) - expected / samples.length;
    expect(Math.abs(difference), metric.name).toBeLessThan(TOLERANCE);
  }
}

/** The candidates of a next token are those of the mean distribution. */
function expectCandidates(
  got: readonly { readonly token: number; readonly logprob: number }[] | undefined,
  samples: readonly Runs[],
): void {
  const mean = (token: number): number =>
    samples.reduce((sum, { cell }) => sum + Math.exp(cell[token] ?? NaN), 0) / samples.length;
  const best = [...Array(VOCAB).keys()].sort((a, b) => mean(b) - mean(a));
  expect(got?.map(({ token }) => token)).toEqual(best.slice(0, got?.length));
  for (const { token, logprob } of got ?? []) {
    expect(Math.abs(logprob - Math.log(mean(token)))).toBeLessThan(TOLERANCE);
  }
}

interface Engines {
  readonly target: Engine;
  /** The source's, where that is another one. */
  readonly source?: Engine;
}

async function expectSameAsSlow(plan: Plan, fast: Engines, slow: Engines): Promise<void> {
  const run = { endTokens: new Set<number>(), sourceEngine: fast.source };
  const output = await runPlan(plan, fast.target, run);
  const source = slow.source && {
    engine: slow.source,
    map: (vector: Float32Array): Float32Array => vector,
  };
  const runsOf = async (cell: PlannedCell): Promise<Runs[]> => {
    const runs: Runs[] = [];
    while (runs.length < (plan.noise?.samples ?? 1)) {
      runs.push(await readNextSlowly(plan, slow.target, cell, { sample: runs.length, source }));
    }
    return runs;
  };
  const [first] = plan.cells;
  assert(first, "there is a cell");
  for (const [index, cell] of plan.cells.entries()) {
    const runs = await runsOf(cell);
    expectByHand(plan, output.cells[index]?.metrics, "cell", runs);
    expectCandidates(output.cells[index]?.next, runs);
  }
  const runs = await runsOf(first);
  expectByHand(plan, output.unpatched?.metrics, "unpatched", runs);
  const isRead = plan.models === undefined || plan.models.source.name === "the same tokens";
  if (isRead && new Set(plan.cells.map((cell) => cell.sourceReadAt)).size === 1) {
    expectByHand(plan, output.source?.metrics, "source", runs);
  } else expect(output.source).toBeUndefined();
}

describe.each([
  ["reference", createReferenceEngine],
  ["onnx", (definition: typeof model) => createOnnxEngine(definition, { threads: 1 })],
] as const)("Metrics and interventions on the %s engine", (_, create) => {
  test("are what runs of the whole prompts give by their definitions", async () => {
    const engine = await create(model);
    const slow = await createReferenceEngine(model);
    await fc.assert(
      fc.asyncProperty(specs, async (shape) => {
        await expectSameAsSlow(planOf(shape), { target: engine }, { target: slow });
      }),
      { numRuns: 60, seed: 2 },
    );
    await engine.dispose();
  });

  test.each(["the same tokens", "other tokens"] as const)(
    "are that of states of another model of %s too",
    async (other) => {
      const fast = { target: await create(model), source: await create(OTHERS[other]) };
      const slow = {
        target: await createReferenceEngine(model),
        source: await createReferenceEngine(OTHERS[other]),
      };
      await fc.assert(
        fc.asyncProperty(specs, async (shape) => {
          await expectSameAsSlow(planOf(shape, other), fast, slow);
        }),
        { numRuns: 20, seed: 4 },
      );
      await fast.target.dispose();
      await fast.source.dispose();
    },
  );
});

test("Without metrics nothing is measured", async () => {
  const engine = await createReferenceEngine(model);
  const plan = planOf({
    ...{ source: [1, 2], target: null, sourcePosition: -1, sourceLayer: 0, targetPosition: -1 },
    ...{ mode: "replace", contamination: "keep", knockouts: [], read: { kind: "next-token" } },
    ...{ patches: undefined, window: "same", interventions: [], metrics: [] },
  });
  const output = await runPlan(plan, engine, { endTokens: new Set() });
  expect(output.source).toBeUndefined();
  expect(output.cells[0]?.metrics).toBeUndefined();
  await engine.dispose();
});
