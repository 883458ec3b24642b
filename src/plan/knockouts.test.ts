import { describe, expect, test } from "vitest";
import { issuesOf } from "../../tests/support/issues.ts";
import { wordModel } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import type { PlanModel } from "./encode-prompt.ts";
import { explain } from "./explain.ts";
import type { Plan } from "./plan.ts";

const knockout = { kind: "attention-knockout", from: -1, to: 0 };

/** The plan of a spec whose target has 4 words, for a model of 4 layers. */
function planOf(fields: object, target: object = {}, model: PlanModel = wordModel()): Plan {
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "The capital of France is" },
    target: { prompt: "dog cat bird x", ...target },
    ...fields,
  });
  return buildPlan(spec, { model, unrelatedSentences: [] });
}

const withKnockouts = (...each: object[]): object => ({
  interventions: each.map((fields) => ({ ...knockout, ...fields })),
});

describe("An attention knockout", () => {
  test("becomes absolute places of the target, each once, ascending", () => {
    const plan = planOf(
      withKnockouts({ from: [-1, 2, 3], to: { find: "cat" }, layers: { from: -2, to: -1 } }),
    );
    expect(plan.knockouts).toEqual([{ layers: [2, 3], from: [2, 3], to: [1], keepsSelf: false }]);
  });

  test("of all tokens is of generated ones too, and leaves each its look at itself", () => {
    const [first, second] = planOf(
      withKnockouts({ from: "all", to: 0, layers: 1 }, { from: 2, to: "all" }),
    ).knockouts;
    expect(first).toEqual({ layers: [1], from: "all", to: [0], keepsSelf: true });
    expect(second).toMatchObject({ from: [2], to: [0, 1, 2, 3], keepsSelf: true });
  });

  test("names places of the target, and says which do not exist", () => {
    const wrong = withKnockouts({ from: 4 }, { to: { find: "France" } }, { layers: 4 });
    expect(issuesOf(() => planOf(wrong))).toMatchObject([
      { code: "position-out-of-range", path: ["interventions", 0, "from"] },
      { code: "text-not-found", path: ["interventions", 1, "to"] },
      { code: "layer-out-of-range", path: ["interventions", 2, "layers"] },
    ]);
  });

  test("leaves every token something to look at, all of them together and through a window", () => {
    const nothing = [{ code: "nothing-to-see", path: ["interventions"] }];
    expect(issuesOf(() => planOf(withKnockouts({ from: 0, to: 0 })))).toMatchObject(nothing);
    const two = withKnockouts({ from: 2, to: [0, 1] }, { from: [2, 3], to: 2, layers: 1 });
    expect(issuesOf(() => planOf(two))).toMatchObject([
      { message: "the token at position 2 is left with nothing to look at in layer 1" },
    ]);
    expect(issuesOf(() => planOf(withKnockouts({ from: 2, to: [0, 2] })))).toEqual([]);
    const { architecture, ...rest } = wordModel();
    const window = { size: 2, layers: new Set([3]) };
    const windowed = { ...rest, architecture: { ...architecture, window } };
    const near = (layers: number) => withKnockouts({ from: 2, to: [1, 2], layers });
    expect(issuesOf(() => planOf(near(3), {}, windowed))).toMatchObject(nothing);
    expect(issuesOf(() => planOf(near(2), {}, windowed))).toEqual([]);
  });

  test("of more edges than can be listed is refused before they are", () => {
    const prompt = "a ".repeat(600);
    const { architecture, ...rest } = wordModel();
    const long = { ...rest, architecture: { ...architecture, maxPositions: 1000 } };
    const all = withKnockouts({ from: "all", to: "all" });
    expect(issuesOf(() => planOf(all, { prompt }, long))).toMatchObject([
      { code: "too-many-edges", path: ["interventions"] },
    ]);
  });

  test("that no token could notice is warned about", () => {
    const codes = (fields: object): string[] =>
      planOf(withKnockouts(fields)).warnings.map(({ code }) => code);
    expect(codes({ from: [0, 1], to: 2 })).toEqual(["knockout-of-nothing"]);
    expect(codes({ from: 0, to: "all" })).toEqual(["knockout-of-nothing"]);
    expect(codes({ from: [0, 3], to: 2 })).toEqual([]);
    expect(codes({ from: "all", to: -1 })).toEqual([]);
  });

  test("is explained, and changes neither where rows join nor what they share", () => {
    const plan = planOf(withKnockouts({ layers: [1, 2] }, { from: "all", to: [0, 1] }));
    expect(plan.cells).toEqual(planOf({}).cells);
    expect(explain(plan)).toContain(
      "Knocked out: attention from position 3 to position 0, in layers 1, 2.\n" +
        "Knocked out: attention from all tokens to positions 0, 1, in all layers.\n",
    );
    expect(explain(planOf({}))).not.toMatch(/Knocked|Hidden/);
  });
});

describe("Hidden contamination", () => {
  const hide = { contamination: "hide", position: [1, 2], layer: [0, 2] };
  const source = { source: { model: "toy", prompt: "a b", layer: 0 } };

  test("is in blocks that have not read the vector yet, and rows begin at block 0", () => {
    const { cells } = planOf(source, hide);
    const hidden = (below: number) => [1, 2].map((position) => ({ position, below }));
    expect(cells.map((cell) => cell.hidden)).toEqual([hidden(1), hidden(3)]);
    expect(cells.map(({ entry, from }) => [entry, from])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(explain(planOf(source, hide))).toContain(
      "Hidden: patched tokens, in blocks that have not read the vector yet.",
    );
  });

  test("is nothing where the first block reads the vector", () => {
    for (const place of [{ layer: "embedding" }, { layer: 0, site: "resid_pre" }]) {
      const { cells } = planOf(source, { ...hide, ...place });
      expect(cells.map((cell) => [cell.hidden, cell.entry])).toEqual([[[], 0]]);
    }
  });

  test("may leave a token that is cut from itself with nothing to look at", () => {
    const cut = withKnockouts({ from: 2, to: [0, 2], layers: 1 });
    const nothing = [
      { message: "the token at position 2 is left with nothing to look at in layer 1" },
    ];
    const at = (layer: number) => ({ ...hide, position: 1, layer });
    expect(issuesOf(() => planOf({ ...source, ...cut }, at(1)))).toMatchObject(nothing);
    expect(issuesOf(() => planOf({ ...source, ...cut }, at(0)))).toEqual([]);
    expect(
      issuesOf(() => planOf({ ...source, ...cut }, { ...at(1), contamination: "keep" })),
    ).toEqual([]);
  });

  test("ends where the vector first enters, of several layers and inside a block", () => {
    const together = planOf(source, { ...hide, position: 1, layer: { together: [3, 1] } });
    expect(together.cells[0]?.hidden).toEqual([{ position: 1, below: 2 }]);
    const inside = planOf(source, { ...hide, position: 1, layer: 2, site: "attn_out" });
    expect(inside.cells[0]?.hidden).toEqual([{ position: 1, below: 3 }]);
  });
});
