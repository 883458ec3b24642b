import { expect, test } from "vitest";
import { issuesOf } from "../../tests/support/issues.ts";
import { modelWithoutTokenizer, wordModel } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import type { PlanModel } from "./encode-prompt.ts";
import type { Plan } from "./plan.ts";

function planOf(fields: object, model: PlanModel = wordModel()): Plan {
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", tokens: [1, 2, 3], position: 0 },
    target: { tokens: [4, 5, 6, 7] },
    ...fields,
  });
  return buildPlan(spec, { model, unrelatedSentences: [] });
}

test("A metric's text is its first token, and a warning says so where it has several", () => {
  const model = wordModel();
  const [, paris] = model.tokenizer?.encode("x Paris").tokens ?? [];
  const plan = planOf(
    {
      metrics: [
        { kind: "rank", of: " Paris" },
        { kind: "probability", of: " Paris tower" },
      ],
    },
    model,
  );
  expect(plan.metrics).toEqual([
    { name: 'rank " Paris"', kind: "rank", of: paris },
    { name: 'probability " Paris tower"', kind: "probability", of: paris },
  ]);
  expect(plan.warnings.filter(({ code }) => code === "metric-first-token")).toMatchObject([
    {
      code: "metric-first-token",
      message: '" Paris tower" is several tokens; the metric is about the first one, " Paris".',
    },
  ]);
});

test("What the target's vocabulary does not have is said", () => {
  const metrics = [{ kind: "logit-difference", of: 5000, against: " Paris" }];
  expect(issuesOf(() => planOf({ metrics }, modelWithoutTokenizer()))).toMatchObject([
    { code: "token-out-of-vocabulary", path: ["metrics", 0, "of"] },
    { path: ["metrics", 0, "against"], hint: "Give its id." },
  ]);
});

test("The source is held against where the target is read, where a state is taken, or behind its text", () => {
  const readAt = (fields: object): number | undefined => planOf(fields).cells[0]?.sourceReadAt;
  expect(readAt({ read: { kind: "next-token" } })).toBe(2);
  expect(readAt({ read: { kind: "next-token", position: "same" } })).toBe(0);
  const target = { prompt: "same", position: -1 };
  expect(readAt({ target, read: { kind: "next-token", position: 1 } })).toBe(1);
  expect(readAt({ target })).toBe(2);
});
