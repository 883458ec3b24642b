/** The library's calls on a tiny checkpoint: when cells come, that each comes once, and what is left behind where somebody stops. */
import { expect, test } from "vitest";
import type { Cache, PassOutput } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import type { CellRecord, PatchscopeResult } from "../../src/result/result.ts";
import type { ReadyModel } from "../../src/run/run-spec.ts";
import { patchscope, sweep } from "../../src/run/sweep.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import type { SpecInput } from "../../src/spec/spec-input.ts";
import { useTinyModel } from "../support/tiny-model.ts";

const tiny = useTinyModel("llama-gguf");

/** Cells at five places: each stands behind another part of the target, and so is read in a pass of its own. */
const byPosition: SpecInput = {
  source: { tokens: [1, 2, 3, 4, 5], position: "all", layer: 0 },
  target: { prompt: "same", position: "same" },
  read: { kind: "next-token", topK: 2 },
};

const withEvidence: SpecInput = {
  source: { prompt: "the cat sat", layer: "all" },
  target: { prompt: "the dog x", position: { find: "x" } },
  read: { maxTokens: 3, ignoreEos: true },
};

const METRICS: SpecInput["metrics"] = [
  { kind: "probability", of: 7 },
  { kind: "kl", from: "unpatched" },
  { kind: "same-token", as: "source" },
];
const NOISE: SpecInput["interventions"] = [{ kind: "noise", positions: 1, samples: 2 }];

interface Watched extends ReadyModel {
  passes: number;
  /** Caches that nobody has let go of. */
  readonly held: Set<Cache>;
}

/** The model with an engine that says how often it ran and what it still keeps. */
function watched(): Watched {
  const held = new Set<Cache>();
  const watch = (cache: Cache): Cache => {
    held.add(cache);
    const dispose = cache.dispose.bind(cache);
    cache.dispose = () => {
      held.delete(cache);
      dispose();
    };
    return cache;
  };
  const on: Watched = {
    model: tiny().model,
    passes: 0,
    held,
    engine: {
      info: tiny().engine.info,
      architecture: tiny().engine.architecture,
      run: async (pass, signal): Promise<PassOutput> => {
        const output = await tiny().engine.run(pass, signal);
        on.passes++;
        if (pass.kind === "prefill" && output.cache) watch(output.cache);
        return output;
      },
      select: (cache, rows) => watch(tiny().engine.select(cache, rows)),
      dispose: () => Promise.resolve(),
    },
  };
  return on;
}

async function drain(
  cells: AsyncGenerator<CellRecord, PatchscopeResult, undefined>,
): Promise<{ readonly cells: readonly CellRecord[]; readonly result: PatchscopeResult }> {
  const all: CellRecord[] = [];
  for (;;) {
    const next = await cells.next();
    if (next.done === true) return { cells: all, result: next.value };
    all.push(next.value);
  }
}

test("A spec in code needs what a spec file needs, but for its version and the model's name", async () => {
  const result = await patchscope(byPosition, tiny());
  expect(result.spec).toEqual(
    parseSpec({
      version: 1,
      ...byPosition,
      source: { ...byPosition.source, model: tiny().model.name },
    }),
  );
});

test("Cells are there when their batch is read, before the run is over", async () => {
  const on = watched();
  const passes: number[] = [];
  for await (const cell of sweep(byPosition, on)) {
    assert("target" in cell, "the cell writes one vector");
    passes.push(on.passes);
  }
  expect(passes).toHaveLength(5);
  expect(passes[0]).toBeLessThan(on.passes);
});

test.each([
  ["next tokens", byPosition],
  ["texts with evidence", withEvidence],
  ["texts without controls", { ...withEvidence, controls: [] }],
  ["next tokens with metrics", { ...byPosition, metrics: METRICS }],
  ["samples of noise", { ...byPosition, interventions: NOISE, metrics: METRICS }],
  ["texts with evidence and metrics", { ...withEvidence, metrics: METRICS }],
  [
    "swept interventions",
    {
      ...byPosition,
      source: { tokens: [1, 2, 3] },
      target: { prompt: "same" },
      patches: [],
      interventions: [{ kind: "ablation", positions: "all", sweep: { positions: 1 } }],
      metrics: METRICS,
    },
  ],
] as readonly (readonly [string, SpecInput])[])(
  "Each cell of %s comes once, whole, and the iteration ends with the result",
  async (_, spec) => {
    const { cells, result } = await drain(sweep(spec, tiny()));
    // Those that show most of a grid come first.
    const byText = (some: readonly CellRecord[]): string[] =>
      some.map((cell) => JSON.stringify(cell)).sort();
    expect(byText(cells)).toEqual(byText(result.cells));
    for (const { metrics } of cells) {
      expect(Object.keys(metrics ?? {})).toHaveLength(spec.metrics?.length ?? 0);
    }
    // Without anybody who waits, the rows are other ones side by side, and round differently in the last digits.
    const { timing, ...whole } = await patchscope(spec, tiny());
    expect(rounded({ ...result, timing })).toEqual(rounded({ ...whole, timing }));
  },
);

/** Numbers to four digits behind the point. */
function rounded(result: PatchscopeResult): unknown {
  return JSON.parse(JSON.stringify(result), (_, value: unknown) =>
    typeof value === "number" ? Math.round(value * 1e4) / 1e4 : value,
  );
}

test("Leaving the loop stops the run and leaves no cache behind", async () => {
  const whole = watched();
  await patchscope(byPosition, whole);
  expect(whole.held.size).toBe(0);

  const on = watched();
  for await (const cell of sweep(byPosition, on)) {
    expect(cell.next).toHaveLength(2);
    break;
  }
  const { passes } = on;
  expect(on.held.size).toBe(0);
  expect(passes).toBeLessThan(whole.passes);
  await new Promise((resolve) => setImmediate(resolve));
  expect(on.passes).toBe(passes);
});

test("A signal stops a run in the middle of a text, and its caches are let go of", async () => {
  const controller = new AbortController();
  const on = watched();
  const run = patchscope(withEvidence, on, {
    signal: controller.signal,
    // The second token is there: the run is in the middle of its texts.
    onProgress: ({ done, total }) => {
      if (done > total / 3) controller.abort();
    },
  });
  await expect(run).rejects.toMatchObject({ code: "aborted" });
  expect(on.held.size).toBe(0);
});

test("A loop ends with the error of what stopped it", async () => {
  const aborted = drain(sweep(byPosition, tiny(), { signal: AbortSignal.abort() }));
  await expect(aborted).rejects.toMatchObject({ code: "aborted" });
  const wrong = drain(sweep({ ...byPosition, source: { tokens: [1], layer: 99 } }, tiny()));
  await expect(wrong).rejects.toMatchObject({ code: "spec-invalid" });
});
