/** Plans that run on one engine at a time say what each says alone, however different they are. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import type { Engine, Pass } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { runTogether, type TogetherLimits } from "../../src/engine/together/run-together.ts";
import { assert } from "../../src/errors.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { runPlan, type RunOutput } from "../../src/run/run-plan.ts";
import { counting } from "../support/counting-engine.ts";
import { useResource } from "../support/real-model.ts";
import { planOf, RUN, SHAPES, TOYS, type Shape } from "./random-plans.ts";

const TOLERANCE = 1e-3;
/** So many random sets of plans for each property; more for a hunt: PATCHSCOPES_PLANS=1000. */
const SETS = Number(process.env["PATCHSCOPES_PLANS"] ?? 30);
const SEED = process.env["PATCHSCOPES_PLANS"] === undefined ? { seed: 6 } : {};

/** Plans for one model; some ask the same, and some read only the next token or compare runs. */
const SETS_OF_PLANS = fc
  .array(fc.tuple(SHAPES, fc.constantFrom("own", "own", "next-token", "propagation", "same")), {
    minLength: 2,
    maxLength: 6,
  })
  .map(([first, ...others]) => {
    assert(first, "there is a plan");
    const [shape] = first;
    const rest = others.map(([other, read]) =>
      read === "same" ? planOf(shape) : readAs({ ...other, toy: shape.toy }, read),
    );
    return { toy: shape.toy, plans: [planOf(shape), ...rest] };
  });

function readAs(shape: Shape, read: string): Plan {
  if (read === "next-token") return planOf(shape, { kind: "next-token", topK: 2 });
  return read === "propagation" ? planOf(shape, { kind: "propagation" }) : planOf(shape);
}

function together(
  plans: readonly Plan[],
  engine: Engine,
  limits?: TogetherLimits,
): Promise<RunOutput[]> {
  return runTogether(
    plans.map((plan) => (of) => runPlan(plan, of(engine), RUN)),
    limits,
  );
}

/** As much as is fast, little, and so little that no passes are joined. */
const LIMITS = fc.constantFrom<TogetherLimits | undefined>(
  undefined,
  { maxTokens: 16, maxSeen: 48 },
  { maxTokens: 1, maxSeen: 1 },
);

/** The same up to rounding. */
function expectSame(got: unknown, expected: unknown): void {
  if (typeof expected === "number" && typeof got === "number") {
    if (Object.is(got, expected)) return;
    expect(Math.abs(got - expected)).toBeLessThan(TOLERANCE * Math.max(1, Math.abs(expected)));
  } else if (Array.isArray(expected) && Array.isArray(got)) {
    expect(got).toHaveLength(expected.length);
    expected.forEach((each, index) => {
      expectSame(got[index], each);
    });
  } else if (typeof expected === "object" && expected !== null) {
    assert(typeof got === "object" && got !== null, "there is something to compare");
    expect(Object.keys(got)).toEqual(Object.keys(expected));
    expectSame(Object.values(got), Object.values(expected));
  } else expect(got).toEqual(expected);
}

describe.each([
  ["reference", createReferenceEngine],
  ["onnx", (model: ModelDefinition) => createOnnxEngine(model, { threads: 1 })],
] as const)("on the %s engine", (_, create) => {
  const engines = useResource(
    () => Promise.all(TOYS.map(create)),
    async (all) => {
      for (const engine of all) await engine.dispose();
    },
  );
  const engineOf = (toy: number): Engine => {
    const engine = engines()[toy];
    assert(engine, "there is an engine for each model");
    return engine;
  };

  test("plans of all kinds together say what each says alone", async () => {
    await fc.assert(
      fc.asyncProperty(SETS_OF_PLANS, LIMITS, async ({ toy, plans }, limits) => {
        const engine = engineOf(toy);
        const outputs = await together(plans, engine, limits);
        for (const [index, plan] of plans.entries()) {
          expectSame(outputs[index], await runPlan(plan, engine, RUN));
        }
      }),
      { numRuns: SETS, ...SEED },
    );
  });

  test("plans of the same kind are hardly more passes than one", async () => {
    const base: Omit<Shape, "target"> = {
      ...{ toy: 0, source: [1, 2, 30], sourcePosition: -1, sourceLayer: 1, targetLayer: 1 },
      ...{ targetPosition: 1, site: "resid_post", mode: "replace", contamination: "keep" },
      ...{ mapping: { kind: "identity" }, interventions: [], ablations: [], seed: 0 },
      ...{ maxTokens: 9, ignoreEos: true, stop: undefined, decoding: undefined },
      controls: ["unpatched", "unrelated", "mean"],
    };
    const plans = Array.from({ length: 8 }, (_, index) =>
      planOf({ ...base, target: [3 + index, 4, 5, 6, 7].slice(0, 3 + (index % 3)) }),
    );
    const passes = { one: [] as Pass[], many: [] as Pass[] };
    const [first] = plans;
    assert(first, "there is a plan");
    await runPlan(first, counting(engineOf(0), passes.one), RUN);
    await together(plans, counting(engineOf(0), passes.many));
    // Eight targets of three lengths, and rows of all of them in nearly every pass.
    expect(passes.many.length).toBeLessThan(passes.one.length + 4);
    const decoded = passes.many.flatMap((pass) => (pass.kind === "decode" ? pass.cache.rows : []));
    expect(decoded).toEqual(Array.from({ length: 8 }, () => 16));
  });
});

test("what one run throws ends all, and is thrown", async () => {
  const engine = await createReferenceEngine(TOYS[0] ?? fail());
  const plan = planOf({ ...(fc.sample(SHAPES, { seed: 1, numRuns: 1 })[0] ?? fail()), toy: 0 });
  const failing = runTogether<unknown>([
    (of) => runPlan(plan, of(engine), RUN),
    async (of) => {
      await of(engine).run({ kind: "prefill", length: 1, rows: [{ tokens: [1] }] });
      throw new Error("no");
    },
    (of) => runPlan(plan, of(engine), RUN),
  ]);
  await expect(failing).rejects.toThrow("no");
  await engine.dispose();
});

test("who goes on from what was disposed of ends all", async () => {
  const engine = await createReferenceEngine(TOYS[0] ?? fail());
  const plan = planOf({ ...(fc.sample(SHAPES, { seed: 1, numRuns: 1 })[0] ?? fail()), toy: 0 });
  const text = { kind: "prefill", length: 1, rows: [{ tokens: [1] }] } as const;
  const failing = runTogether<unknown>([
    (of) => runPlan(plan, of(engine), RUN),
    async (of) => {
      const { cache } = await of(engine).run({ ...text, keep: true });
      assert(cache, "the text was kept");
      cache.dispose();
      return of(engine).run({ ...text, context: { cache, length: 1 } });
    },
  ]);
  await expect(failing).rejects.toMatchObject({ code: "engine" });
  await engine.dispose();
});

test("a signal stops all", async () => {
  const engine = await createReferenceEngine(TOYS[0] ?? fail());
  const plan = planOf({ ...(fc.sample(SHAPES, { seed: 1, numRuns: 1 })[0] ?? fail()), toy: 0 });
  const stop = new AbortController();
  const { signal } = stop;
  const onEvent = (): void => {
    stop.abort();
  };
  const run = runTogether([
    (of) => runPlan(plan, of(engine), { ...RUN, signal }),
    (of) => runPlan(plan, of(engine), { ...RUN, signal, onEvent }),
  ]);
  await expect(run).rejects.toMatchObject({ code: "aborted" });
  await engine.dispose();
});

function fail(): never {
  throw new Error("bug: there is one");
}
