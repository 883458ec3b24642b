import { expect, test } from "vitest";
import { modelWithoutTokenizer, wordModel } from "../../tests/support/word-model.ts";
import { presetSpec } from "../spec/presets/presets.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import { explain, planStatistics } from "./explain.ts";

const context = {
  model: wordModel(),
  unrelatedSentences: ["She put the spoon on the table", "The engine stopped near the river"],
};
const request = { prompt: "The capital of France is", model: "toy" };

test("A grid of next tokens shares the source, the target and all blocks below its patches", () => {
  const plan = buildPlan(presetSpec("identity", { ...request, targetLayer: "all" }), context);
  expect(explain(plan)).toMatchInlineSnapshot(`
    "16 cells in a model of 4 layers.
    Source: 5 tokens (The| capital| of| France| is), run once; 4 hidden states read at 1 position.
    Target: 13 tokens (cat| ->| cat|\\n|…|?), run once without a patch; all cells share 12 tokens of that run.
    Rows: 16 rows, 16 tokens together, in 1 pass; joining the stack from block 1 to the read-out, each where its patch begins to matter.
    Work: 96 block-rows (source 20, target 52, rows 24); cell by cell it is 1,152, 12.0 times as much.
    Read: the 10 most probable next tokens.
    Controls: the target prompt without a patch."
  `);
});

test("Generating says its decode steps and its controls", () => {
  const spec = presetSpec("attribute", { ...request, ask: "The language of x is" });
  expect(explain(buildPlan(spec, context))).toMatchInlineSnapshot(`
    "4 cells in a model of 4 layers.
    Source: 5 tokens (The| capital| of| France| is), run once; 4 hidden states read at 1 position.
    Target: 5 tokens (The| language| of| x| is), run once without a patch; all cells share 3 tokens of that run.
    Rows: 4 rows, 8 tokens together, in 1 pass; joining the stack from block 1 to the read-out, each where its patch begins to matter.
    Work: 52 block-rows (source 20, target 20, rows 12); cell by cell it is 160, 3.1 times as much.
    Read: up to 20 tokens a cell, in at most 19 decode steps (304 block-rows).
    Controls: the target prompt without a patch; 2 unrelated sentences, each against at most 4 texts (8 scored)."
  `);
});

test("Further controls are named, with what they cost", () => {
  const controls = (["unpatched", "unrelated", "mean", "random", "text-only"] as const).map(
    (kind) => ({ kind }),
  );
  const spec = presetSpec("attribute", { ...request, ask: "The language of x is", controls });
  expect(explain(buildPlan(spec, context)).split("\n").at(-1)).toBe(
    "Controls: the target prompt without a patch; the source's text in place of the vector (9 tokens); " +
      "2 unrelated sentences, the mean of 2 unrelated sentences and 8 random vectors, each against at most 4 texts (44 scored).",
  );
});

test("The logit lens runs no block for its rows", () => {
  const plan = buildPlan(presetSpec("logit-lens", request), context);
  expect(planStatistics(plan).blockRows.rows).toBe(0);
  expect(explain(plan)).toMatchInlineSnapshot(`
    "4 cells in a model of 4 layers.
    Source: 5 tokens (The| capital| of| France| is), run once; 4 hidden states read at 1 position.
    Target: 5 tokens (The| capital| of| France| is), run once without a patch; all cells share 4 tokens of that run.
    Rows: 4 rows, 4 tokens together, in 1 pass; joining the stack at the read-out.
    Work: 40 block-rows (source 20, target 20, rows 0); cell by cell it is 160, 4.0 times as much.
    Read: the 10 most probable next tokens.
    Controls: none."
  `);
});

test("Warnings are part of the explanation", () => {
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", tokens: [1, 2], layer: 3 },
    target: { tokens: [3], layer: 0 },
    read: { kind: "generate", maxTokens: 1 },
  });
  const plan = buildPlan(spec, { model: modelWithoutTokenizer(), unrelatedSentences: [] });
  expect(explain(plan)).toMatchInlineSnapshot(`
    "1 cell in a model of 4 layers.
    Source: 2 tokens (<1>|<2>), run once; 1 hidden state read at 1 position.
    Target: 1 token (<3>), run once without a patch; all cells share 0 tokens of that run.
    Rows: 1 row, 1 token together, in 1 pass; joining the stack at block 1.
    Work: 15 block-rows (source 8, target 4, rows 3); cell by cell it is 12, 0.8 times as much.
    Read: up to 1 token a cell.
    Controls: the target prompt without a patch.
    Warning: The model has no tokenizer, so no unrelated sentences run: evidence is against the unpatched target prompt only."
  `);
});

test("The numbers are those of the cells' rows", () => {
  const spec = parseSpec({
    version: 1,
    source: { ...request, layer: [0, 3] },
    target: { prompt: "dog cat bird x", position: 2 },
    read: { kind: "generate", maxTokens: 3 },
  });
  // 4 layers; rows of 2 tokens that join at blocks 1 and 4.
  expect(planStatistics(buildPlan(spec, context))).toEqual({
    cells: 2,
    passes: { source: 1, target: 1, rows: 1, decode: 2 },
    rowTokens: 4,
    blockRows: { source: 20, target: 16, rows: 6, total: 42, naive: 72, decode: 16 },
    controls: { unpatched: true, sentences: 2, contrast: 0, scoredTexts: 4 },
  });
});
