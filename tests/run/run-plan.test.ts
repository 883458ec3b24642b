/** What a plan says is what the slow way says, in every family, however its rows are packed. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import { EVIDENCE_TOKENS, evidenceByToken } from "../../src/measure/evidence.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { limitsWithin } from "../../src/run/memory.ts";
import { runPlan, type CellOutput, type RunOptions } from "../../src/run/run-plan.ts";
import { useResource } from "../support/real-model.ts";
import { leastMemory } from "./least-memory.ts";
import { CONTRAST, LAYERS, planOf, RUN, SHAPES, TOYS, type Shape } from "./random-plans.ts";
import { compareSlowly, goOn, readSlowly, type SlowCell } from "./slow-path.ts";

const TOLERANCE = 1e-3;

/** So many random plans for each property; more for a hunt: PATCHSCOPES_PLANS=1000. */
const PLANS = Number(process.env["PATCHSCOPES_PLANS"] ?? 40);
/** A hunt looks elsewhere each time. */
const SEED = process.env["PATCHSCOPES_PLANS"] === undefined ? { seed: 4 } : {};

/** How the rows of a run are packed, and what is there already. */
const WAYS = ["as is fast", "some first", "in little memory", "gone on with"] as const;

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

async function expectSameAsSlow(
  plan: Plan,
  engine: Engine,
  { slow, way }: { readonly slow: Engine; readonly way: (typeof WAYS)[number] },
): Promise<void> {
  const output = await runPlan(plan, engine, { ...RUN, ...(await optionsOf(way, plan, engine)) });
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

async function optionsOf(
  way: (typeof WAYS)[number],
  plan: Plan,
  engine: Engine,
): Promise<Partial<RunOptions>> {
  switch (way) {
    case "as is fast":
      return {};
    case "some first":
      return { isWatched: true, onEvent: () => undefined };
    case "in little memory":
      return { memory: leastMemory((bytes) => limitsWithin(bytes, plan, engine.architecture)) };
    case "gone on with": {
      const { cells } = await runPlan(plan, engine, RUN);
      // Of every third cell all is known, of the next one its text.
      const known = [...cells.entries()].flatMap(([index, cell]) =>
        index % 3 === 0
          ? [[index, cell] as const]
          : index % 3 === 1
            ? [[index, textOf(cell)] as const]
            : [],
      );
      return { known: new Map(known) };
    }
  }
}

/** A cell as it is before it has evidence. */
function textOf({ next, generated, textLength }: CellOutput): CellOutput {
  return { next, generated, ...(textLength === undefined ? {} : { textLength }) };
}

/** An engine for each of the models. */
function useEngines(create: (model: ModelDefinition) => Promise<Engine>): (toy: number) => Engine {
  const engines = useResource(
    () => Promise.all(TOYS.map(create)),
    async (all) => {
      for (const engine of all) await engine.dispose();
    },
  );
  return (toy) => {
    const engine = engines()[toy];
    assert(engine, "there is an engine for each model");
    return engine;
  };
}

describe.each([
  ["reference", createReferenceEngine],
  ["onnx", (model: ModelDefinition) => createOnnxEngine(model, { threads: 1 })],
] as const)("plans on the %s engine", (_, create) => {
  const engines = useEngines(create);
  const slowEngines = useEngines(createReferenceEngine);

  test("say what running every cell and control alone from block 0 says", async () => {
    await fc.assert(
      fc.asyncProperty(SHAPES, fc.constantFrom(...WAYS), async (shape, way) => {
        const slow = slowEngines(shape.toy);
        await expectSameAsSlow(planOf(shape), engines(shape.toy), { slow, way });
      }),
      { numRuns: PLANS, ...SEED },
    );
  });

  test("compare a patched run with the clean one as two whole runs do", async () => {
    await fc.assert(
      fc.asyncProperty(SHAPES, fc.nat(), async (shape, chance) => {
        const [engine, slow] = [engines(shape.toy), slowEngines(shape.toy)];
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
      { numRuns: Math.ceil(PLANS / 3), ...SEED },
    );
  });

  test("read the text in place of the vector as a plain run of that prompt does", async () => {
    const [engine, slow] = [engines(0), slowEngines(0)];
    const shape: Shape = {
      toy: 0,
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
  });

  test("stop where the signal says so, and leave nothing behind", async () => {
    const engine = engines(0);
    const plan = planOf({
      toy: 0,
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
  });
});
