import { describe, expect, test } from "vitest";
import { modelWithoutTokenizer, wordModel, wordTokenizer } from "../../tests/support/word-model.ts";
import { PatchscopesError } from "../errors.ts";
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

function issuesOf(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (!(error instanceof PatchscopesError)) throw error;
    return error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  }
  return [];
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
    expect(issuesOf(() => planOf({ ...MAP, target }))).toEqual([
      "target.position: position same has no meaning here: the two prompts differ, and so do their tokens",
    ]);
  });

  test("needs tokenizers", () => {
    const source = { prompt: undefined, tokens: [1, 2] };
    const models = { model: modelWithoutTokenizer() };
    expect(issuesOf(() => planOf({ ...MAP, source }, models))[0]).toContain(
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
    expect(issuesOf(() => planOf({ ...MAP, source: { layer: 7 } }))[0]).toContain("source.layer");
  });
});

describe("States of another model", () => {
  test("of another width need a map", () => {
    expect(issuesOf(() => planOf({}))).toEqual([
      "mapping: states of toy have 8 numbers and those of other 12: they need a map",
    ]);
  });

  test("are mixed with named states before the map, and not behind it", () => {
    const sources = { bo: { prompt: "Bo" } };
    const [map, mean] = [{ file: "m" }, { kind: "mean", with: ["bo"] }];
    expect(issuesOf(() => planOf({ sources, mapping: [mean, map] }))).toEqual([]);
    expect(issuesOf(() => planOf({ sources, mapping: [map, mean] }))).toEqual([
      "mapping.1: names states of the source's model, behind the map to another width",
    ]);
  });

  test("are not taken as the paper's code takes those of one", () => {
    expect(issuesOf(() => planOf({ compat: "pair" }))).toEqual([
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
    expect(issuesOf(() => buildPlan(spec, context))[0]).toContain("the target runs in other");
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
