import { describe, expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { modelWithoutTokenizer, wordModel, wordTokenizer } from "../../tests/support/word-model.ts";
import { presetSpec } from "../spec/presets/presets.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import type { PlanModel } from "./encode-prompt.ts";
import type { Plan, PlannedCell, PlannedOther, PlannedSentence } from "./plan.ts";

const NO_CONTROLS = { unrelated: [], contrast: [], mean: [], random: 0, textOnly: undefined };
const SENTENCES = ["She put the spoon on the table", "The engine stopped near the river"];

/** The plan of a spec for a source of 5 words and a target of 4, unless the spec says otherwise. */
function planOf(
  fields: {
    readonly source?: object;
    readonly target?: object;
    readonly [field: string]: unknown;
  } = {},
  model: PlanModel = wordModel(),
): Plan {
  const { source, target, ...rest } = fields;
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "The capital of France is", ...source },
    target: { prompt: "dog cat bird x", ...target },
    ...rest,
  });
  return buildPlan(spec, { model, unrelatedSentences: SENTENCES });
}

/** A cell's writes as `site layer@position → site layer@position`, and where it joins and begins. */
function shown(cell: PlannedCell): string {
  const writes = cell.writes.map(
    ({ from, to }) =>
      `${from.site} ${from.layer}@${from.position} → ${to.site} ${to.layer}@${to.position}`,
  );
  return `${writes.join(", ")}; entry ${cell.entry}, from ${cell.from}, read at ${cell.readAt}`;
}

/** The layers and positions of all cells as the result names them: source, then target. */
function pairs(plan: Plan): unknown[] {
  return plan.cells.map(({ writes }) =>
    writes.map(({ from, to, names }) => [from.position, names.source, to.position, names.target]),
  );
}

describe("Cells", () => {
  test("By default every layer of the last token goes into itself at the last token", () => {
    expect(planOf().cells.map(shown)).toEqual([
      "resid_post 0@4 → resid_post 0@3; entry 1, from 3, read at 3",
      "resid_post 1@4 → resid_post 1@3; entry 2, from 3, read at 3",
      "resid_post 2@4 → resid_post 2@3; entry 3, from 3, read at 3",
      "resid_post 3@4 → resid_post 3@3; entry 4, from 3, read at 3",
    ]);
  });

  test("The source position is the outermost axis, then the source layer, then the target layer", () => {
    const plan = planOf({
      source: { position: [2, 0], layer: [3, 1] },
      target: { layer: [0, 2] },
    });
    expect(pairs(plan)).toEqual([
      [[2, 3, 3, 0]],
      [[2, 3, 3, 2]],
      [[2, 1, 3, 0]],
      [[2, 1, 3, 2]],
      [[0, 3, 3, 0]],
      [[0, 3, 3, 2]],
      [[0, 1, 3, 0]],
      [[0, 1, 3, 2]],
    ]);
    expect(plan.source.positions).toEqual([2, 0]);
    expect(plan.target.positions).toEqual([3]);
  });

  test("Equal entries of an axis are kept, and read once", () => {
    const plan = planOf({ source: { position: [1, 1], layer: [2, 2] } });
    expect(plan.cells).toHaveLength(4);
    expect(plan.source.positions).toEqual([1]);
    expect(plan.capture.states).toEqual([{ site: "resid_post", layer: 2 }]);
  });

  test("The word same pairs positions and layers with the source's", () => {
    const plan = planOf({
      source: { position: "all", layer: [0, "embedding"] },
      target: { prompt: "same", position: "same" },
    });
    expect(pairs(plan).slice(0, 4)).toEqual([
      [[0, 0, 0, 0]],
      [[0, "embedding", 0, "embedding"]],
      [[1, 0, 1, 0]],
      [[1, "embedding", 1, "embedding"]],
    ]);
    expect(plan.cells).toHaveLength(10);
    expect(plan.target.tokens).toEqual(plan.source.tokens);
  });

  test("Several target positions are written together, with the same vector", () => {
    const plan = planOf({
      source: { layer: 1 },
      target: { position: [2, { find: "cat" }], layer: 0 },
    });
    expect(plan.cells.map(shown)).toEqual([
      "resid_post 1@4 → resid_post 0@2, resid_post 1@4 → resid_post 0@1; entry 1, from 1, read at 3",
    ]);
    expect(plan.cells[0]?.isPair).toBe(false);
    expect(plan.target.positions).toEqual([2, 1]);
  });

  test("Layers together are one cell that joins at the lowest of them", () => {
    const plan = planOf({ source: { layer: [2, 3] }, target: { layer: { together: [3, 1] } } });
    expect(plan.cells.map(shown)).toEqual([
      "resid_post 2@4 → resid_post 3@3, resid_post 2@4 → resid_post 1@3; entry 2, from 3, read at 3",
      "resid_post 3@4 → resid_post 3@3, resid_post 3@4 → resid_post 1@3; entry 2, from 3, read at 3",
    ]);
  });

  test("Patches are one cell, in their order", () => {
    const plan = planOf({
      patches: [
        { source: { position: 1, layer: 2 }, target: { position: 2, layer: 3 } },
        { source: { position: 0, layer: "embedding" }, target: { position: -1, layer: 0 } },
      ],
    });
    expect(plan.cells.map(shown)).toEqual([
      "resid_post 2@1 → resid_post 3@2, resid_pre 0@0 → resid_post 0@3; entry 1, from 2, read at 3",
    ]);
    expect(plan.capture.states).toEqual([
      { site: "resid_pre", layer: 0 },
      { site: "resid_post", layer: 2 },
    ]);
  });

  test("A cell with one write is a pair", () => {
    expect(planOf().cells.every((cell) => cell.isPair)).toBe(true);
    const patches = [{ source: { layer: 0 }, target: {} }];
    expect(planOf({ patches }).cells.map((cell) => cell.isPair)).toEqual([true]);
  });
});

describe("Sites", () => {
  test.each([
    ["resid_pre", 1],
    ["resid_mid", 1],
    ["attn_out", 1],
    ["mlp_out", 1],
    ["resid_post", 2],
  ])("A write of %s at layer 1 changes what block %i reads or does first", (site, entry) => {
    const plan = planOf({ source: { layer: 0 }, target: { layer: 1, site } });
    expect(plan.cells.map((cell) => cell.entry)).toEqual([entry]);
  });

  test("The embedding is what block 0 reads, whichever residual site is named", () => {
    for (const site of ["resid_post", "resid_pre"]) {
      const plan = planOf({ source: { layer: "embedding", site } });
      expect(plan.cells.map(shown)).toEqual([
        "resid_pre 0@4 → resid_pre 0@3; entry 0, from 3, read at 3",
      ]);
      expect(pairs(plan)).toEqual([[[4, "embedding", 3, "embedding"]]]);
    }
  });

  test("The sites of source and target need not be the same", () => {
    const plan = planOf({ source: { layer: 2, site: "mlp_out" }, target: { layer: 0 } });
    expect(plan.cells.map(shown)).toEqual([
      "mlp_out 2@4 → resid_post 0@3; entry 1, from 3, read at 3",
    ]);
  });

  test("The embedding has no other site", () => {
    const source = { layer: "embedding", site: "attn_out" };
    expect(issueLines(() => planOf({ source }))).toEqual([
      "source.site: the embedding has no attn_out: it is what block 0 reads",
    ]);
    const target = { layer: { together: [0, "embedding"] }, site: "mlp_out" };
    expect(issueLines(() => planOf({ target }))).toEqual([
      "target.site: the embedding has no mlp_out: it is what block 0 reads",
    ]);
  });
});

test("A parallel block has no state between attention and MLP", () => {
  const model = wordModel();
  const parallel = {
    ...model,
    architecture: { ...model.architecture, block: "parallel" as const },
  };
  const fields = { source: { site: "resid_mid" }, target: { site: "resid_mid" } };
  const message =
    "resid_mid does not exist in a parallel block: this model's attention and MLP read the same state";
  expect(issueLines(() => planOf(fields, parallel))).toEqual([
    `source.site: ${message}`,
    `target.site: ${message}`,
  ]);
  expect(issueLines(() => planOf(fields, model))).toEqual([]);
});

describe("What is read", () => {
  const nextToken = (position: unknown, target: object = {}): Plan =>
    planOf({ source: { layer: 0 }, target, read: { kind: "next-token", position } });

  test("The next token is read at a position of the target prompt", () => {
    expect(nextToken(-1).cells[0]?.readAt).toBe(3);
    expect(nextToken({ find: "bird" }, { position: 0 }).cells[0]?.readAt).toBe(2);
  });

  test("The word same is where the patch is written, the last place if there are several", () => {
    expect(nextToken("same", { position: 1 }).cells[0]?.readAt).toBe(1);
    expect(nextToken("same", { position: [2, 0] }).cells[0]?.readAt).toBe(2);
  });

  test("Reading before the first written place is allowed, with a warning", () => {
    const plan = nextToken(1);
    expect(plan.cells[0]?.readAt).toBe(1);
    expect(plan.warnings.map(({ code }) => code)).toEqual(["read-before-write"]);
  });

  test("The logit lens joins behind the last block, at the place that is read", () => {
    const request = { prompt: "The capital of France", model: "toy", layer: [0, 3] };
    const spec = presetSpec("logit-lens", { ...request, position: [1, 3] });
    const plan = buildPlan(spec, { model: wordModel(), unrelatedSentences: SENTENCES });
    expect(plan.cells.map(shown)).toEqual([
      "resid_post 0@1 → resid_post 3@1; entry 4, from 1, read at 1",
      "resid_post 3@1 → resid_post 3@1; entry 4, from 1, read at 1",
      "resid_post 0@3 → resid_post 3@3; entry 4, from 3, read at 3",
      "resid_post 3@3 → resid_post 3@3; entry 4, from 3, read at 3",
    ]);
    expect(plan.controls).toEqual({ ...NO_CONTROLS, unpatched: false });
  });
});

function sentencesIn(others: readonly PlannedOther[]): PlannedSentence[] {
  return others.filter((other) => "prompt" in other);
}

function promptsOf(others: readonly PlannedOther[]): string[] {
  return sentencesIn(others).map(({ prompt }) => prompt);
}

describe("Controls", () => {
  test("Generated texts are held against the unpatched prompt and unrelated sentences", () => {
    const { controls, warnings } = planOf();
    expect(controls.unpatched).toBe(true);
    expect(promptsOf(controls.unrelated)).toEqual(SENTENCES);
    expect(sentencesIn(controls.unrelated).map(({ tokens }) => tokens.length)).toEqual([7, 6]);
    expect(warnings).toEqual([]);
  });

  test("The spec's own sentences take the place of the default ones", () => {
    const plan = planOf({ controls: [{ kind: "unrelated", prompts: ["a b"] }] });
    expect(plan.controls.unpatched).toBe(false);
    expect(promptsOf(plan.controls.unrelated)).toEqual(["a b"]);
  });

  test("A next token needs no unrelated sentences; given ones are said not to run", () => {
    const read = { kind: "next-token" };
    expect(planOf({ read })).toMatchObject({
      controls: { unpatched: true, unrelated: [] },
      warnings: [],
    });
    const controls = [{ kind: "unrelated", prompts: ["a b"] }];
    expect(planOf({ read, controls }).warnings.map(({ code }) => code)).toEqual([
      "no-unrelated-control",
    ]);
  });

  test("The mean is of the sentences that there are, whether they are controls themselves or not", () => {
    const prompts = ({ controls }: Plan): string[][] =>
      [controls.unrelated, controls.mean].map(promptsOf);
    expect(prompts(planOf({ controls: ["mean", "random"] }))).toEqual([[], SENTENCES]);
    const controls = ["mean", { kind: "unrelated", prompts: ["a b"] }];
    expect(prompts(planOf({ controls }))).toEqual([["a b"], ["a b"]]);
    expect(planOf({ controls: ["mean", "random"] }).controls.random).toBe(8);
  });

  test("Mean and random vectors are for generated texts, and that is said", () => {
    const plan = planOf({ read: { kind: "next-token" }, controls: ["mean", "random"] });
    expect(plan.controls).toEqual({ ...NO_CONTROLS, unpatched: false });
    expect(plan.warnings.map(({ code }) => code)).toEqual(["no-vector-control"]);
  });

  test("A contrast set is read at the positions that it names, the last token by default", () => {
    const { controls } = planOf({
      contrast: ["a b", { prompt: "a b a", position: { find: "a", occurrence: "first" } }],
    });
    expect(promptsOf(controls.contrast)).toEqual(["a b", "a b a"]);
    const [last, found] = sentencesIn(controls.contrast);
    expect(last?.position).toBe((last?.tokens.length ?? 0) - 1);
    expect(found?.position).toBe(0);
  });

  test("A contrast prompt without the text to find is an issue at its place", () => {
    const contrast = [{ prompt: "a b", position: { find: "zebra" } }];
    expect(() => planOf({ contrast })).toThrow(/contrast\.0\.position/);
  });

  test("A next token is held against no contrast set, and that is said", () => {
    const plan = planOf({ read: { kind: "next-token" }, contrast: ["a b"] });
    expect(plan.controls.contrast).toEqual([]);
    expect(plan.warnings.map(({ code }) => code)).toEqual(["no-contrast"]);
  });

  test("Without a tokenizer there are no sentences, and a warning", () => {
    const tokens = { source: { prompt: undefined, tokens: [5, 6] }, target: { prompt: "same" } };
    const plan = planOf(tokens, modelWithoutTokenizer());
    expect(plan.source.pieces).toEqual(["<5>", "<6>"]);
    expect(plan.controls).toEqual({ ...NO_CONTROLS, unpatched: true });
    expect(plan.warnings.map(({ code }) => code)).toEqual(["no-unrelated-control"]);
    expect(planOf({ ...tokens, controls: [] }, modelWithoutTokenizer()).warnings).toEqual([]);
  });
});

test("Neighbours are of one vector, and run nothing to control for", () => {
  const read = { kind: "neighbours" };
  const patches = [{ source: { layer: 0 }, target: {} }];
  expect(() => planOf({ read, patches })).toThrow("patches: neighbours are of one vector");
  const plan = planOf({ read, controls: ["unpatched", "text-only"] });
  expect(plan.controls).toEqual({ ...NO_CONTROLS, unpatched: false });
  expect(plan.warnings.map(({ code }) => code)).toEqual(["no-text-only"]);
});

test("Texts that are chosen against the prior have evidence of another kind, and that is said", () => {
  const read = { decoding: { contrast: {} } };
  expect(planOf({ read }).warnings.map(({ code }) => code)).toEqual(["evidence-of-contrast"]);
  expect(planOf({ read, controls: [] }).warnings).toEqual([]);
});

test("A round trip is held against unrelated sentences, whatever the controls are", () => {
  const read = { roundTrip: true };
  const plan = planOf({ read, controls: [] });
  expect(plan.baseline?.map(({ prompt }) => prompt)).toEqual(SENTENCES);
  expect(plan.controls).toEqual({ ...NO_CONTROLS, unpatched: false });
  expect(planOf({ controls: [] })).not.toHaveProperty("baseline");
  const patches = [{ source: { layer: 0 }, target: {} }];
  expect(() => planOf({ read, patches })).toThrow("patches: a round trip is of one vector");
  const tokens = { source: { prompt: undefined, tokens: [5, 6] }, target: { prompt: "same" } };
  expect(() => planOf({ ...tokens, read }, modelWithoutTokenizer())).toThrow(
    "read.roundTrip: a round trip needs a tokenizer",
  );
});

test("A stop string is an error without a tokenizer: there are no texts", () => {
  const tokens = { source: { prompt: undefined, tokens: [5, 6] }, target: { prompt: "same" } };
  const act = (): unknown => planOf({ ...tokens, read: { stop: "." } }, modelWithoutTokenizer());
  expect(act).toThrow("read.stop: a stop string needs a tokenizer, and this model has none");
});

describe("Warnings", () => {
  test("The first token's state says little unless it begins the sequence", () => {
    const source = { prompt: "Paris", layer: "all" };
    expect(planOf({ source }).warnings.map(({ code }) => code)).toEqual(["attention-sink"]);
    expect(planOf({ source: { ...source, layer: 0 } }).warnings).toEqual([]);
    const model = wordModel(wordTokenizer({ bos: 0 }));
    expect(planOf({ source }, model).warnings).toEqual([]);
  });

  test("Generating beyond what the model was made for is said", () => {
    const read = { kind: "generate", maxTokens: 61 };
    expect(planOf({ read }).warnings.map(({ code }) => code)).toEqual(["beyond-context"]);
    expect(planOf({ read: { ...read, maxTokens: 60 } }).warnings).toEqual([]);
  });
});

describe("What does not exist", () => {
  test("All issues of both sides come at once", () => {
    const act = (): Plan =>
      planOf({
        source: { position: 5, layer: [0, 4] },
        target: { position: { find: "fish" }, layer: { together: [-5] } },
        read: { kind: "next-token", position: -5 },
      });
    expect(issueLines(act)).toEqual([
      "source.position: position 5 does not exist: the source prompt has 5 tokens, positions 0 to 4",
      'target.position: "fish" does not occur in the target prompt: "dog" " cat" " bird" " x"',
      "source.layer.1: layer 4 does not exist: toy has layers 0 to 3",
      "target.layer.together.0: layer -5 does not exist: toy has layers 0 to 3",
      "read.position: position -5 does not exist: the target prompt has 4 tokens, positions 0 to 3",
    ]);
  });

  test("A source position that a shorter target does not have", () => {
    expect(issueLines(() => planOf({ target: { position: "same" } }))).toEqual([
      "target.position: position 4 does not exist: the target prompt has 4 tokens, positions 0 to 3",
    ]);
  });

  test("Places of patches", () => {
    const patches = [{ source: { position: 9, layer: 0 }, target: { layer: 7 } }];
    expect(issueLines(() => planOf({ patches }))).toEqual([
      "patches.0.source.position: position 9 does not exist: the source prompt has 5 tokens, positions 0 to 4",
      "patches.0.target.layer: layer 7 does not exist: toy has layers 0 to 3",
    ]);
  });

  test("Prompts and control sentences without tokens, each with its place", () => {
    const act = (): Plan =>
      planOf({
        source: { prompt: "" },
        controls: [{ kind: "unrelated", prompts: ["a", "a ".repeat(80).trim()] }],
      });
    expect(issueLines(act)).toEqual([
      "source: the prompt has no tokens",
      "controls.0.prompts.1: the prompt has 80 tokens; the model was made for at most 64",
    ]);
  });

  test("More cells than fit in one run are refused before they are made", () => {
    const all = Array.from({ length: 2000 }, (_, index) => index % 4);
    expect(issueLines(() => planOf({ source: { layer: all }, target: { layer: all } }))).toEqual([
      ": the product of the axes writes 4000000 hidden states; at most 1000000 fit in one run",
    ]);
  });
});
