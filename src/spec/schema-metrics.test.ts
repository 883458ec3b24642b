import { describe, expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { canonicalSpec } from "./canonical.ts";
import { metricName } from "./metric-name.ts";
import { parseSpec } from "./schema.ts";

const minimal = { version: 1, source: { model: "m", prompt: "a" }, target: { prompt: "b" } };

const withMetrics = (...metrics: unknown[]): object => ({ ...minimal, metrics });

const issuesOf = (input: unknown): string[] => issueLines(() => parseSpec(input));

describe("Metrics", () => {
  test("have names that say what they are, and are the same in every run", () => {
    const { metrics } = parseSpec(
      withMetrics(
        { kind: "probability", of: " Paris" },
        { kind: "rank", of: 7 },
        { kind: "logprob", of: "source" },
        { kind: "logprob", of: { text: "source" } },
        { kind: "logit-difference", of: " Paris", against: " Rome" },
        { kind: "entropy" },
        { kind: "kl", from: "source" },
        { kind: "same-token", as: "unpatched" },
      ),
    );
    expect(metrics.map(metricName)).toEqual([
      'probability " Paris"',
      "rank token 7",
      "logprob source",
      'logprob "source"',
      'logit-difference " Paris" - " Rome"',
      "entropy",
      "kl from source",
      "same-token as unpatched",
    ]);
  });

  test("are read again from the spec that a result holds", () => {
    const spec = parseSpec(withMetrics({ kind: "rank", of: " Paris" }, { kind: "entropy" }));
    expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  test("are part of what is asked for; their order is not", () => {
    const canonical = (...metrics: unknown[]): string =>
      canonicalSpec(parseSpec(withMetrics(...metrics)), { source: "sha256:ab" });
    const [one, other] = [{ kind: "entropy" }, { kind: "rank", of: 3 }];
    expect(canonical(one, other)).toBe(canonical(other, one));
    expect(canonical(one)).not.toBe(canonical(other));
    expect(canonical()).not.toContain("metrics");
  });

  test.each([
    ["metrics", { ...minimal, metrics: { kind: "entropy" } }, "expected a list, got an object"],
    ["metrics.0", withMetrics("entropy"), 'got "entropy"'],
    ["metrics.0.kind", withMetrics({ kind: "entrpy" }), 'got "entrpy"'],
    ["metrics.0.kind", withMetrics({}), "missing: expected probability"],
    [
      "metrics.0.of",
      withMetrics({ kind: "rank" }),
      "missing: expected a text, a token id, source or unpatched",
    ],
    ["metrics.0.of", withMetrics({ kind: "rank", of: "" }), "a text that is not empty"],
    ["metrics.0.of", withMetrics({ kind: "rank", of: -1 }), "at least 0"],
    ["metrics.0.of", withMetrics({ kind: "rank", of: [1] }), "got a list"],
    ["metrics.0.against", withMetrics({ kind: "logit-difference", of: 1 }), "missing"],
    ["metrics.0.from", withMetrics({ kind: "kl", from: "target" }), "source or unpatched"],
    ["metrics.0.as", withMetrics({ kind: "same-token" }), "missing"],
    ["metrics.0.of", withMetrics({ kind: "entropy", of: 1 }), "unknown key"],
    [
      "metrics.1",
      withMetrics({ kind: "rank", of: 1 }, { kind: "rank", of: 1 }),
      "the metric rank token 1 is there twice",
    ],
  ])("say what is wrong with %s: %j", (path, input, message) => {
    const issues = issuesOf(input);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(`${path}: `);
    expect(issues[0]).toContain(message);
  });
});
