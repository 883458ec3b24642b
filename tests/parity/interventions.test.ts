/** Noise, ablations and what is put back, in whole runs on every engine, against what transformers computes on the same checkpoints. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import type { Model } from "../../src/models/model.ts";
import { buildPlan } from "../../src/plan/build-plan.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { MetricValues } from "../../src/result/result.ts";
import { embeddingDeviation } from "../../src/run/replacements.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { readFloatArrays } from "../support/float-arrays.ts";
import { FIXTURES, readGolden } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";
import { ENGINES, type EngineUnderTest } from "./golden.ts";

/** See make_interventions.py. */
const EXPECTED = readFloatArrays(join(FIXTURES, "interventions.safetensors"));
const NAMES = [...EXPECTED.keys()].flatMap((key) => /^(.*)\.clean$/u.exec(key)?.[1] ?? []);
const TOLERANCE = 1e-3;
const SAMPLES = 2;

test("there are checkpoints to compare with", () => {
  expect(NAMES).toContain("gemma2");
});

describe.each(ENGINES)("interventions and metrics on the $name engine are PyTorch's", (engine) => {
  test.each(NAMES)("%s", async (name) => {
    await compare(name, engine);
  });
});

async function compare(name: string, { create }: EngineUnderTest): Promise<void> {
  const folder = join(FIXTURES, "tiny", name);
  const model = await openGolden(folder);
  const engine = await create(model);
  try {
    const [deviation = NaN] = numbers(`${name}.deviation`);
    expect((await embeddingDeviation(engine)) / deviation).toBeCloseTo(1, 5);
    await compareRun(name, planOf(name, model), engine);
  } finally {
    await engine.dispose();
    await model.close();
  }
}

/** What make_interventions.py says, as a spec. */
function planOf(name: string, model: Model): Plan {
  const cases = readGolden(join(FIXTURES, "tiny", name)).cases.map(({ tokens }) => tokens);
  const tokens = cases.reduce((longest, each) => (each.length > longest.length ? each : longest));
  const spec = parseSpec({
    version: 1,
    source: { model: name, tokens, position: "all" },
    target: { prompt: "same", position: "same" },
    interventions: [
      { kind: "noise", positions: [1, 2], samples: SAMPLES },
      { kind: "ablation", positions: 0, layers: 1, site: "mlp_out" },
      { kind: "ablation", positions: 3, layers: 2, site: "attn_out", with: "zero" },
    ],
    read: { kind: "next-token" },
    metrics: [
      { kind: "probability", of: 5 },
      { kind: "logprob", of: "source" },
      { kind: "logit-difference", of: "source", against: 5 },
      { kind: "entropy" },
      { kind: "kl", from: "source" },
      { kind: "kl", from: "unpatched" },
    ],
    seed: 7,
  });
  const plan = buildPlan(spec, { model, unrelatedSentences: [] });
  // Checkpoints without a tokenizer have no sentences: the other cases' tokens stand for them.
  const [zeros, means] = plan.ablations;
  assert(zeros && means, "two states are ablated");
  return {
    ...plan,
    ablations: [zeros, { ...means, with: "mean" }],
    meanSentences: cases.filter((each) => each !== tokens),
  };
}

async function compareRun(name: string, plan: Plan, engine: Engine): Promise<void> {
  const output = await runPlan(plan, engine, { endTokens: new Set() });
  const { vocabSize, layers } = plan.shape;
  const at = (array: string, index: number): number[] => {
    const all = numbers(`${name}.${array}`);
    return logSoftmax(all.subarray(index * vocabSize, (index + 1) * vocabSize));
  };
  const source = at("clean", 0);
  const expected = (own: (sample: number) => number[]): number[] => {
    const samples = Array.from({ length: SAMPLES }, (_, sample) =>
      valuesOf(own(sample), { source, unpatched: at("noised", sample) }),
    );
    return (samples[0] ?? []).map(
      (_, index) => samples.reduce((sum, values) => sum + (values[index] ?? NaN), 0) / SAMPLES,
    );
  };
  expectClose(
    output.source?.metrics,
    expected(() => source),
  );
  expectClose(
    output.unpatched?.metrics,
    expected((sample) => at("noised", sample)),
  );
  const positions = plan.target.tokens.length;
  for (const [index, cell] of plan.cells.entries()) {
    const [write] = cell.writes;
    assert(write, "every cell puts a state back");
    const { layer, position } = write.to;
    const own = (sample: number): number[] =>
      at("restored", (sample * layers + layer) * positions + position);
    expectClose(output.cells[index]?.metrics, expected(own));
  }
}

/** The metrics of the spec, in its order, from log-probabilities. */
function valuesOf(
  own: readonly number[],
  runs: { readonly source: readonly number[]; readonly unpatched: readonly number[] },
): number[] {
  const said = runs.source.indexOf(Math.max(...runs.source));
  const of = (token: number): number => own[token] ?? NaN;
  const mean = (p: readonly number[], q: readonly number[]): number =>
    p.reduce((sum, logprob, token) => sum + Math.exp(logprob) * (logprob - (q[token] ?? 0)), 0);
  return [
    Math.exp(of(5)),
    of(said),
    of(said) - of(5),
    -own.reduce((sum, logprob) => sum + Math.exp(logprob) * logprob, 0),
    mean(runs.source, own),
    mean(runs.unpatched, own),
  ];
}

function expectClose(got: MetricValues | undefined, expected: readonly number[]): void {
  const values = Object.values(got ?? {});
  expect(values).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) {
    expect(Math.abs((values[index] ?? NaN) - value)).toBeLessThan(TOLERANCE);
  }
}

function numbers(key: string): Float32Array {
  const data = EXPECTED.get(key)?.data;
  assert(data, `the fixture has ${key}`);
  return Float32Array.from(data);
}

function logSoftmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const total = largest + Math.log(logits.reduce((sum, each) => sum + Math.exp(each - largest), 0));
  return Array.from(logits, (logit) => logit - total);
}
