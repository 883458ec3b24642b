import { expect, test } from "vitest";
import type { PlannedMetric, PlannedToken } from "../plan/plan.ts";
import { sameTokenWarnings } from "./same-token.ts";

const says = (token: number): { next: { token: number; logprob: number }[] } => ({
  next: [{ token, logprob: -1 }],
});
const difference = (of: PlannedToken, against: PlannedToken): PlannedMetric => ({
  ...{ name: "logit-difference", kind: "logit-difference" },
  ...{ of, against },
});
const piece = (token: number): string => ` ${token}`;

function warnings(metric: PlannedMetric, source: number, unpatched: number): readonly string[] {
  const output = { source: says(source), unpatched: { ...says(unpatched), generated: [] } };
  return sameTokenWarnings({ metrics: [metric] }, output, piece).map(({ message }) => message);
}

test("A difference of a token and itself is said to be one", () => {
  const [message] = warnings(difference("source", "unpatched"), 7, 7);
  expect(message).toContain('Both tokens of logit-difference are " 7"');
  expect(message).toContain("--answer and --against");
  expect(warnings(difference(7, "unpatched"), 1, 7)).toHaveLength(1);
});

test("Nothing is said where they differ, or where nobody knows yet", () => {
  expect(warnings(difference("source", "unpatched"), 7, 8)).toEqual([]);
  expect(warnings({ name: "entropy", kind: "entropy" }, 7, 7)).toEqual([]);
  const metrics = [difference("source", "unpatched")];
  const output = { source: says(7), unpatched: undefined };
  expect(sameTokenWarnings({ metrics }, output, piece)).toEqual([]);
});
