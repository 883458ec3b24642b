import { describe, expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { modelWithoutTokenizer, wordModel, wordTokenizer } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import { atSameDepth } from "./cross-model.ts";
import type { PlanModel } from "./encode-prompt.ts";
import { explain } from "./explain.ts";
import type { Plan } from "./plan.ts";

const MAP = { mapping: { file: "map.safetensors" } };

/** Deeper and wider than the word model, with a beginning of sequence; a token is a letter with the space before it. */
function otherModel(hiddenSize = 12): PlanModel {
  const words = wordTokenizer();
  const bos = 900;
  return {
    name: "other",
    architecture: { ...modelWithoutTokenizer().architecture, layers: 8, hiddenSize },
    tokenizer: {
      ...words,
      bos,
      piece: (token) => (token === bos ? "<bos>" : words.piece(token)),
      encode: (text, { addBos = true } = {}) => {
        const offsets: [number, number][] = addBos ? [[0, 0]] : [];
        const tokens = addBos ? [bos] : [];
        for (const { 0: piece, index } of text.matchAll(/ ?./gsu)) {
          offsets.push([index, index + piece.length]);
          tokens.push(...words.encode(piece).tokens);
        }
        return { tokens, offsets };
      },
    },
  };
}

function planOf(
  fields: { readonly source?: object; readonly target?: object; readonly [field: string]: unknown },
  models: { readonly model?: PlanModel; readonly targetModel?: PlanModel } = {},
): Plan {
  const { source, target, ...rest } = fields;
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "Ann met Bo", ...source },
    target: { model: "other", prompt: "same", position: "same", ...target },
    ...rest,
  });
  const context = { model: wordModel(), targetModel: otherModel(), ...models };
  return buildPlan(spec, { ...context, unrelatedSentences: ["red"] });
}

describe("The same text in another model", () => {
  test("is encoded by its own tokenizer, and read where the source's token ends", () => {
    const plan = planOf({ ...MAP, source: { position: "all", layer: 0 } });
    expect(plan.source.pieces).toEqual(["Ann", " met", " Bo"]);
    expect(plan.target.pieces).toEqual(["<bos>", "A", "n", "n", " m", "e", "t", " B", "o"]);
    expect(plan.target.positions).toEqual([3, 6, 8]);
    expect(plan.warnings).toEqual([]);
  });

  test("has a warning where the source's token ends inside one of the target's", () => {
    const models = { model: otherModel(), targetModel: wordModel() };
    const spec = { ...MAP, source: { position: 2, layer: 0 } };
    const plan = planOf(spec, models);
    expect(plan.target.positions).toEqual([0]);
    expect(plan.warnings.map(({ code }) => code)).toContain("tokens-differ");
  });

  test("begins with the first token of either, whatever was put before it", () => {
    const models = { model: otherModel(), targetModel: wordModel() };
    const plan = planOf({ ...MAP, source: { position: 0, layer: 0 } }, models);
    expect(plan.target.positions).toEqual([0]);
  });

  test("is spelled out where the source is token ids", () => {
    const tokens = wordTokenizer();
    const model = wordModel(tokens);
    const ids = tokens.encode("Ann met").tokens;
    const spec = { ...MAP, source: { prompt: undefined, tokens: ids, layer: 0 } };
    expect(planOf(spec, { model }).target.pieces.slice(1).join("")).toBe("Ann met");
  });

  test("has no positions in common with another text", () => {
    const target = { prompt: "Cat sat", position: "same" };
    expect(issueLines(() => planOf({ ...MAP, target }))).toEqual([
      "target.position: position same has no meaning here: the two prompts differ, and so do their tokens",
    ]);
  });

  test("needs tokenizers", () => {
    const source = { prompt: undefined, tokens: [1, 2] };
    const models = { model: modelWithoutTokenizer() };
    expect(issueLines(() => planOf({ ...MAP, source }, models))[0]).toContain(
      "prompt: same for another model needs a tokenizer",
    );
  });
});

describe("Layers of another model", () => {
  const of = (source: number, target: number) => ({
    source: { name: "a", layers: source, hiddenSize: 1 },
    target: { name: "b", layers: target, hiddenSize: 1 },
  });

  test.each([
    [4, 8, [1, 3, 5, 7]],
    [8, 4, [0, 0, 1, 1, 2, 2, 3, 3]],
    [3, 3, [0, 1, 2]],
    [1, 5, [4]],
  ])("of %i layers stand at the same depth of %i", (source, target, expected) => {
    const layers = Array.from({ length: source }, (_, layer) => layer);
    expect(layers.map((layer) => atSameDepth(layer, of(source, target)))).toEqual(expected);
    expect(atSameDepth("embedding", of(source, target))).toBe("embedding");
  });

  test("are checked against its own depth", () => {
    expect(planOf({ ...MAP, target: { layer: 7 } }).cells).toHaveLength(4);
    expect(issueLines(() => planOf({ ...MAP, source: { layer: 7 } }))[0]).toContain("source.layer");
  });
});

describe("States of another model", () => {
  test("of another width need a map", () => {
    expect(issueLines(() => planOf({}))).toEqual([
      "mapping: states of toy have 8 numbers and those of other 12: they need a map",
    ]);
  });

  test("are mixed with named states before the map, and not behind it", () => {
    const sources = { bo: { prompt: "Bo" } };
    const [map, mean] = [{ file: "m" }, { kind: "mean", with: ["bo"] }];
    expect(issueLines(() => planOf({ sources, mapping: [mean, map] }))).toEqual([]);
    expect(issueLines(() => planOf({ sources, mapping: [map, mean] }))).toEqual([
      "mapping.1: names states of the source's model, behind the map to another width",
    ]);
  });

  test("are not taken as the paper's code takes those of one", () => {
    expect(issueLines(() => planOf({ compat: "pair" }))).toEqual([
      "compat: pair is for one model; here the target's is another one",
    ]);
  });

  test("of the same width go without one, with a warning", () => {
    const { warnings } = planOf({}, { targetModel: otherModel(8) });
    expect(warnings.map(({ code }) => code)).toEqual(["no-map"]);
  });

  test("are refused where only one model is given", () => {
    const spec = parseSpec({
      version: 1,
      source: { model: "toy", prompt: "Ann" },
      target: { model: "other", prompt: "x" },
    });
    const context = { model: wordModel(), unrelatedSentences: [] };
    expect(issueLines(() => buildPlan(spec, context))[0]).toContain("the target runs in other");
  });
});

test("Windows and earlier layers stand at the same depth of the other model", () => {
  const namesOf = (layer: unknown): unknown =>
    planOf({ ...MAP, source: { layer: [0, 2] }, target: { layer } }).cells.map(({ writes }) =>
      writes.map(({ names }) => [names.source, names.target]),
    );
  expect(namesOf({ window: 3 })).toEqual([
    [
      [0, 1],
      [1, 3],
    ],
    [
      [1, 3],
      [2, 5],
      [3, 7],
    ],
  ]);
  expect(namesOf("earlier")).toEqual([[[2, 1]]]);
});

test("Interventions and the sentences of means are in the tokens and layers of the target", () => {
  const plan = planOf({
    ...MAP,
    interventions: [
      { kind: "noise", positions: { find: "met", token: "all" } },
      { kind: "ablation", positions: -1, layers: 7, with: "mean" },
    ],
  });
  expect(plan.noise?.positions).toEqual([4, 5, 6]);
  expect(plan.ablations).toMatchObject([{ layers: [7], positions: [8] }]);
  expect(plan.meanSentences.map((tokens) => tokens.length)).toEqual([4]);
});

describe("Metrics of another model", () => {
  const metrics = [
    { kind: "probability", of: "source" },
    { kind: "logit-difference", of: 3, against: "source" },
    { kind: "kl", from: "source" },
    { kind: "same-token", as: "source" },
  ];

  test.each([
    [0, "of"],
    [1, "against"],
    [2, "from"],
    [3, "as"],
  ])("are not held against a source of other tokens: %i", (index, field) => {
    const asked = [{ kind: "entropy" }, ...metrics.slice(index)];
    expect(issueLines(() => planOf({ ...MAP, metrics: asked }))).toEqual([
      `metrics.1.${field}: the next token of toy cannot be held against that of other: their vocabularies differ`,
    ]);
    const own = [{ kind: "entropy" }, { kind: "kl", from: "unpatched" }];
    expect(planOf({ ...MAP, metrics: own }).isSourceComparable).toBe(false);
  });

  test("are held against one of the same tokens", () => {
    const tokenizer = wordTokenizer();
    const targetModel = { ...wordModel(tokenizer), name: "other" };
    const models = { model: wordModel(tokenizer), targetModel };
    expect(planOf({ ...MAP, metrics }, models).isSourceComparable).toBe(true);
    const more = { ...targetModel.architecture, vocabSize: 1025 };
    const larger = { ...targetModel, architecture: more };
    expect(
      issueLines(() => planOf({ ...MAP, metrics }, { ...models, targetModel: larger })),
    ).toHaveLength(1);
  });
});

test("The source's text is put in place of the vector in the target's tokens", () => {
  const target = { prompt: "dog x", position: -1 };
  const { textOnly } = planOf({ ...MAP, target, controls: ["text-only"] }).controls;
  expect(textOnly?.pieces).toEqual([
    "<bos>",
    "d",
    "o",
    "g",
    " A",
    "n",
    "n",
    " m",
    "e",
    "t",
    " B",
    "o",
  ]);
});

test("A plan of two models says so", () => {
  const [first] = explain(planOf(MAP)).split("\n");
  expect(first).toBe("4 cells in other (8 layers), of states of toy (4 layers).");
});
