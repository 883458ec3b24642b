import { describe, expect, test } from "vitest";
import { issuesOf } from "../../tests/support/issues.ts";
import { modelWithoutTokenizer, wordModel } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import type { PlanModel } from "./encode-prompt.ts";
import { explain } from "./explain.ts";
import type { Plan } from "./plan.ts";
import { vectorKey, type VectorFiles } from "./vectors.ts";

/** The plan of a spec about a prompt of 5 words, for a model of 4 layers. */
function planOf(fields: object, model: PlanModel = wordModel(), vectors?: VectorFiles): Plan {
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "The capital of France is" },
    target: { prompt: "same" },
    read: { kind: "next-token" },
    ...fields,
  });
  return buildPlan(spec, { model, unrelatedSentences: ["one two", "three"], vectors });
}

const swept = (fields: object): object => ({ patches: [], interventions: [fields] });

describe("A soft prompt", () => {
  const soft = { kind: "soft-prompt", file: "s.safetensors" };
  const { hiddenSize } = wordModel().architecture;
  const holding = (...shape: readonly number[]): VectorFiles =>
    new Map([
      [
        vectorKey({ file: "s.safetensors" }),
        { shape, layers: undefined, site: undefined, tokens: undefined },
      ],
    ]);
  const issues = (fields: object, shape: readonly number[]): unknown =>
    issuesOf(() =>
      planOf({ interventions: [{ ...soft, ...fields }] }, wordModel(), holding(...shape)),
    );

  test("is put at its positions in the order in which they are written", () => {
    const interventions = [{ ...soft, positions: [-1, { find: "capital" }] }];
    const plan = planOf({ interventions }, wordModel(), holding(2, hiddenSize));
    expect(plan.softPrompts).toEqual([{ file: { file: "s.safetensors" }, positions: [4, 1] }]);
    expect(explain(plan)).toContain(
      "Soft prompt: s.safetensors as the embeddings at positions 4, 1.",
    );
    expect(issues({ positions: 2 }, [hiddenSize])).toEqual([]);
  });

  test("says in one message how many vectors of which width it takes", () => {
    const message = (shape: string, expected: string): object => ({
      code: "vector-width",
      path: ["interventions", 0, "file"],
      message: `s.safetensors is [${shape}]; a soft prompt at ${expected}`,
    });
    const five = `5 positions of this model is [5, ${hiddenSize}]`;
    expect(issues({ positions: "all" }, [3, 7])).toMatchObject([message("3, 7", five)]);
    expect(issues({ positions: "all" }, [5, 1, hiddenSize])).toMatchObject([
      message(`5, 1, ${hiddenSize}`, five),
    ]);
    expect(issues({ positions: 0 }, [2, hiddenSize])).toMatchObject([
      message(
        `2, ${hiddenSize}`,
        `1 position of this model is [1, ${hiddenSize}] or [${hiddenSize}]`,
      ),
    ]);
  });

  test("is read first, and no position gets two vectors", () => {
    expect(issuesOf(() => planOf({ interventions: [{ ...soft, positions: 0 }] }))).toMatchObject([
      { code: "no-vectors", path: ["interventions", 0, "file"] },
    ]);
    expect(issues({ positions: [1, 1] }, [2, hiddenSize])).toMatchObject([
      { code: "conflict", message: "soft prompts put two vectors at position 1" },
    ]);
    const both = [
      { ...soft, positions: 2 },
      { ...soft, positions: 2 },
    ];
    expect(
      issuesOf(() => planOf({ interventions: both }, wordModel(), holding(hiddenSize))),
    ).toMatchObject([{ code: "conflict" }]);
  });
});

describe("Noise and ablations", () => {
  test("become absolute places, each once, ascending", () => {
    const plan = planOf({
      interventions: [
        { kind: "noise", positions: { find: "capital of", token: "all" }, scale: 2, samples: 4 },
        { kind: "ablation", positions: [-1, 0, 4], layers: { from: -2, to: -1 }, site: "mlp_out" },
      ],
    });
    expect(plan.noise).toEqual({ positions: [1, 2], scale: 2, samples: 4 });
    expect(plan.ablations).toEqual([
      { site: "mlp_out", layers: [2, 3], positions: [0, 4], with: "zero" },
    ]);
    expect(explain(plan)).toContain(
      "Noise: on the embeddings at positions 1, 2, 2 standard deviations, 4 samples",
    );
    expect(explain(plan)).toContain(
      "Ablated: mlp_out at positions 0, 4, in layers 2, 3, with zeros.",
    );
  });

  test("say which places do not exist, and what a mean needs", () => {
    const interventions = [
      { kind: "noise", positions: { find: "Rome", token: "all" } },
      { kind: "ablation", positions: 9, layers: 4 },
    ];
    expect(issuesOf(() => planOf({ interventions }))).toMatchObject([
      { code: "text-not-found", path: ["interventions", 0, "positions"] },
      { code: "position-out-of-range", path: ["interventions", 1, "positions"] },
      { code: "layer-out-of-range", path: ["interventions", 1, "layers"] },
    ]);
    const tokens = { source: { model: "toy", tokens: [1, 2] } };
    const mean = { ...tokens, interventions: [{ kind: "ablation", positions: 0, with: "mean" }] };
    expect(issuesOf(() => planOf(mean, modelWithoutTokenizer()))).toMatchObject([
      { path: ["interventions", 0, "with"], hint: "Use with: zero." },
    ]);
  });

  test("with the mean are of the control's own sentences where it names some", () => {
    const interventions = [{ kind: "ablation", positions: 0, with: "mean" }];
    expect(planOf({ interventions }).meanSentences).toHaveLength(2);
    const controls = [{ kind: "unrelated", prompts: ["a b c"] }];
    expect(planOf({ interventions, controls }).meanSentences).toEqual([
      [expect.any(Number), expect.any(Number), expect.any(Number)],
    ]);
    expect(planOf({}).meanSentences).toEqual([]);
  });
});

describe("A sweep", () => {
  test("is a cell for each position and layer, windows cut off at the ends", () => {
    const plan = planOf(
      swept({
        kind: "ablation",
        positions: [1, -1],
        layers: "all",
        sweep: { positions: 1, layers: 3 },
      }),
    );
    expect(plan.ablations).toEqual([]);
    const cells = plan.cells.map(({ at, own, entry, from }) => ({
      at,
      layers: own?.ablations[0]?.layers,
      entry,
      from,
    }));
    expect(cells.slice(0, 4)).toEqual([
      { at: { position: 1, layer: 0 }, layers: [0, 1], entry: 0, from: 1 },
      { at: { position: 1, layer: 1 }, layers: [0, 1, 2], entry: 0, from: 1 },
      { at: { position: 1, layer: 2 }, layers: [1, 2, 3], entry: 1, from: 1 },
      { at: { position: 1, layer: 3 }, layers: [2, 3], entry: 2, from: 1 },
    ]);
    expect(cells).toHaveLength(8);
  });

  test("of a knockout leaves the fields that it does not name whole", () => {
    const plan = planOf(
      swept({ kind: "attention-knockout", from: [3, 4], to: [0, 1], sweep: { layers: 1 } }),
    );
    expect(plan.knockouts).toEqual([]);
    expect(plan.cells.map(({ own, at }) => [own?.knockouts, at])[2]).toEqual([
      [{ layers: [2], from: [3, 4], to: [0, 1], keepsSelf: false }],
      { layer: 2 },
    ]);
  });

  test("that leaves a token nothing to look at is refused", () => {
    const all = swept({ kind: "attention-knockout", from: 0, to: 0, sweep: { layers: 1 } });
    expect(issuesOf(() => planOf(all))).toMatchObject([{ code: "nothing-to-see" }]);
  });
});

describe("A target's layers", () => {
  test("as a window get each its own state, in one cell", () => {
    const plan = planOf({ target: { prompt: "same", layer: { window: 2 } } });
    const layers = plan.cells.map(({ at, writes }) => [
      at?.layer,
      writes.map(({ from, to }) => [from.layer, to.layer]),
    ]);
    expect(layers).toEqual([
      [0, [[0, 0]]],
      [
        1,
        [
          [0, 0],
          [1, 1],
        ],
      ],
      [
        2,
        [
          [1, 1],
          [2, 2],
        ],
      ],
      [
        3,
        [
          [2, 2],
          [3, 3],
        ],
      ],
    ]);
  });

  test("that are earlier are those of the source's below its own", () => {
    const target = { prompt: "same", layer: "earlier" };
    const plan = planOf({ target });
    expect(
      plan.cells.flatMap(({ writes }) => writes.map(({ from, to }) => [from.layer, to.layer])),
    ).toEqual([
      [1, 0],
      [2, 0],
      [2, 1],
      [3, 0],
      [3, 1],
      [3, 2],
    ]);
    const source = { model: "toy", prompt: "The capital of France is", layer: 2 };
    expect(issuesOf(() => planOf({ source, target }))).toMatchObject([
      { path: ["target", "layer"], code: "empty-range" },
    ]);
  });
});

test("An empty list of patches is one cell, the target as it is", () => {
  const plan = planOf({ patches: [], read: { kind: "generate" } });
  expect(plan.cells).toMatchObject([{ writes: [], entry: 4, from: 4, readAt: 4 }]);
  expect(plan.controls).toMatchObject({ unpatched: true, unrelated: [], random: 0 });
});
