import { describe, expect, test } from "vitest";
import { wordModel, wordTokenizer } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import type { Plan } from "./plan.ts";

const BOS = 0;

/** The plan of a spec with the control text-only, for a tokenizer that begins texts with `<s>`. */
function planOf(fields: {
  readonly source?: object;
  readonly target?: object;
  readonly read?: object;
  readonly interventions?: readonly object[];
  /** A text of the control's own. */
  readonly own?: string;
}): Plan {
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "Ann met Bob", layer: 1, ...fields.source },
    target: { prompt: "dog x cat", position: { find: "x" }, ...fields.target },
    read: fields.read ?? { kind: "generate" },
    controls: ["unpatched", { kind: "text-only", ...(fields.own && { prompt: fields.own }) }],
    interventions: fields.interventions ?? [],
  });
  const model = wordModel(wordTokenizer({ bos: BOS }));
  return buildPlan(spec, { model, unrelatedSentences: [] });
}

describe("The control text-only", () => {
  test("puts the source's text, without a beginning, in the place of the patched token and of its space", () => {
    const { textOnly } = planOf({}).controls;
    expect(textOnly?.pieces).toEqual(["<s>", "dog", " Ann", " met", " Bob", " cat"]);
    expect(textOnly?.positions).toEqual([2, 3, 4]);
    expect(textOnly?.readAt).toBe(5);
    expect(textOnly?.tokens).toHaveLength(6);
  });

  test("has no space where the placeholder has none", () => {
    const target = { prompt: "x is", position: { find: "x" } };
    expect(planOf({ target }).controls.textOnly?.pieces).toEqual([
      "<s>",
      "Ann",
      " met",
      " Bob",
      " is",
    ]);
  });

  test("takes token ids and messages as they are, but for a beginning of sequence", () => {
    const tokens = planOf({ source: { prompt: undefined, tokens: [BOS, 8, 9] } });
    expect(tokens.controls.textOnly?.tokens.slice(2, 4)).toEqual([8, 9]);
    const messages = [{ role: "user", content: "Hi" }];
    const chat = planOf({ source: { prompt: undefined, messages } });
    expect(chat.controls.textOnly?.pieces.join("")).toBe("<s>dog<user> Hi\n<assistant> cat");
  });

  test("reads the next token where the prompt has it, moved by the text", () => {
    const readAt = (position: unknown): number | undefined =>
      planOf({ read: { kind: "next-token", position } }).controls.textOnly?.readAt;
    expect(readAt(-1)).toBe(5);
    expect(readAt("same")).toBe(4);
    expect(readAt(1)).toBe(1);
  });

  test("reads a text of its own as any prompt, wherever the vectors go", () => {
    const { textOnly } = planOf({ own: "Ann saw x", target: { position: [1, 2] } }).controls;
    expect(textOnly?.pieces).toEqual(["<s>", "Ann", " saw", " x"]);
    expect(textOnly?.positions).toEqual([]);
    expect(textOnly?.readAt).toBe(3);
  });

  test.each([
    ["at several places", { target: { position: [1, 2] } }, /single position/],
    ["without room", { source: { prompt: "a ".repeat(62).trim() } }, /has 65 tokens.*at most 64/],
    [
      "where looks are cut",
      { interventions: [{ kind: "attention-knockout", from: [2], to: [1] }] },
      /positions are not those/,
    ],
    ["with a text too long", { own: "a ".repeat(70).trim() }, /its text has 71 tokens.*at most 64/],
    ["without a text", { source: { prompt: "" } }, /has no text/],
  ])("does not run %s, and says so", (_, fields, message) => {
    const plan = planOf(fields);
    expect(plan.controls.textOnly).toBeUndefined();
    const warning = plan.warnings.find(({ code }) => code === "no-text-only");
    expect(warning?.message).toMatch(message);
  });
});
