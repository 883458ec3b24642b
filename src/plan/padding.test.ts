import { describe, expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { modelWithoutTokenizer, wordModel, wordTokenizer } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import type { PlanModel } from "./encode-prompt.ts";
import type { Plan } from "./plan.ts";

const NEXT = { read: { kind: "next-token" } };

/** Its words are tokens, but for what `pad` says of `[PAD]`: by default it is no token of its own. */
function modelOf(pad: readonly number[] = [7, 8], rope?: object): PlanModel {
  const tokenizer = wordTokenizer();
  const piece = (token: number): string =>
    token === pad[0] && pad.length === 1 ? "[PAD]" : tokenizer.piece(token);
  const encode: typeof tokenizer.encode = (text, options) =>
    text === "[PAD]"
      ? { tokens: pad, offsets: pad.map(() => [0, 5]) }
      : tokenizer.encode(text, options);
  return withRope(wordModel({ ...tokenizer, piece, encode }), rope);
}

function withRope(model: PlanModel, rope: object | undefined): PlanModel {
  return { ...model, architecture: { ...model.architecture, rope } };
}

function planOf(
  fields: { readonly source?: object; readonly target?: object; readonly [field: string]: unknown },
  model = modelOf([7, 8], {}),
): Plan {
  const { source, target, ...rest } = fields;
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "Ann met Bo", layer: 1, ...source },
    target: { prompt: "who is x", layer: 1, ...target },
    compat: { kind: "pair", padding: { source: 2, target: 3 } },
    ...rest,
  });
  return buildPlan(spec, { model, unrelatedSentences: ["red"] });
}

function placesOf({ cells }: Plan): unknown {
  return cells[0]?.writes.map(({ from, to }) => [from.position, to.position]);
}

describe("Where the code gives the model a mask, only positions from 0 on are others", () => {
  test.each([
    [{ position: -1 }, { position: -1 }, [[2, 2]]],
    [{ position: { find: "Bo" } }, { position: { find: "x" } }, [[2, 2]]],
    [{ position: 3 }, { position: 4 }, [[1, 1]]],
    [
      { position: { from: 3, to: -1 } },
      { position: [3, -1] },
      [
        [1, 0],
        [1, 2],
      ],
    ],
    [{ position: 4 }, { position: "same" }, [[2, 1]]],
  ])("%j to %j", (source, target, places) => {
    const plan = planOf({ source, target, ...NEXT });
    expect(placesOf(plan)).toEqual(places);
    expect(plan.target.pieces).toEqual(["who", " is", " x"]);
  });
});

describe("Where it generates, the target begins with padding", () => {
  test.each([
    [{ position: -1 }, [[2, 5]]],
    [{ position: { find: "x" } }, [[2, 5]]],
    [{ position: 4 }, [[2, 4]]],
    [{ position: 0 }, [[2, 0]]],
    [{ position: "same" }, [[2, 4]]],
    [{ prompt: "who is [X]", position: { marker: "[X]" } }, [[2, 5]]],
  ])("%j", (target, places) => {
    const plan = planOf({ target });
    expect(placesOf(plan)).toEqual(places);
    expect(plan.target.tokens).toHaveLength(6);
    expect(new Set(plan.target.tokens.slice(0, 3))).toEqual(new Set([0]));
    expect(plan.source.tokens).toHaveLength(3);
  });

  test("with [PAD], where that is one token", () => {
    const { target } = planOf({}, modelOf([9], {}));
    expect(target.pieces).toEqual(["[PAD]", "[PAD]", "[PAD]", "who", " is", " x"]);
  });
});

test("A target of one token is patched where there is padding, or next tokens are read in batches", () => {
  const target = { prompt: "x" };
  expect(planOf({ target }).compat).toEqual({ isUnpatched: false });
  expect(planOf({ target, ...NEXT }).compat).toEqual({ isUnpatched: false });
  const compat = { kind: "pair", padding: { source: 2 } };
  expect(planOf({ target, compat }).compat).toEqual({ isUnpatched: true });
});

test.each([
  [{ source: { position: 1 } }, ["source.position: position 1 is padding: behind 2 of padding"]],
  [{ source: { position: 5 } }, ["source.position: position 5 does not exist: behind 2 of"]],
  [
    { source: { position: 2 }, target: { position: "same" }, ...NEXT },
    ["target.position: position -1"],
  ],
  [
    { compat: { kind: "pair", padding: { target: 1e6 } } },
    ["compat.padding.target: the prompt has"],
  ],
])("What it cannot mean is refused: %j", (fields, messages) => {
  const issues = issueLines(() => planOf(fields));
  expect(issues).toEqual(messages.map((message) => expect.stringContaining(message) as string));
});

test("Learned positions are refused where the code would move them unseen", () => {
  const learned = (fields: Parameters<typeof planOf>[0]): string[] =>
    issueLines(() => planOf(fields, modelOf()));
  const told = "cannot be padded: toy has learned positions, and the code moves them";
  expect(learned({})).toEqual([expect.stringContaining(`the source ${told}`)]);
  expect(learned(NEXT)).toHaveLength(2);
  expect(learned({ compat: { kind: "pair", padding: { target: 2 } } })).toEqual([]);
});

test("A model without a tokenizer is padded with token 0", () => {
  const tokens = {
    source: { prompt: undefined, tokens: [5, 6, 7] },
    target: { prompt: undefined, tokens: [8] },
  };
  expect(planOf(tokens, withRope(modelWithoutTokenizer(), {})).target.tokens).toEqual([0, 0, 0, 8]);
});
