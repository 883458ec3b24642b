/** Metrics → the tokens that they are about, as ids of the target's vocabulary. */
import type { SpecIssue } from "../errors.ts";
import { metricName } from "../spec/metric-name.ts";
import type { MetricSpec, PatchscopeSpec, TokenRef } from "../spec/spec.ts";
import type { PlanModel } from "./encode-prompt.ts";
import { needsTokenizer, tokenOutOfVocabulary } from "./errors.ts";
import type { Plan, PlannedMetric, PlannedToken } from "./plan.ts";

interface Resolving {
  readonly model: PlanModel;
  readonly issues: SpecIssue[];
  readonly warnings: { readonly code: string; readonly message: string }[];
}

/** The metrics of a spec, and what there is to say about their tokens; what is wrong with them goes to the issues. */
export function planMetrics(
  spec: PatchscopeSpec,
  model: PlanModel,
  issues: SpecIssue[],
): { readonly metrics: readonly PlannedMetric[]; readonly warnings: Plan["warnings"] } {
  const at: Resolving = { model, issues, warnings: [] };
  const metrics = spec.metrics.map((metric, index) => planMetric(metric, index, at));
  const byMessage = new Map(at.warnings.map((warning) => [warning.message, warning] as const));
  return { metrics, warnings: [...byMessage.values()] };
}

function planMetric(metric: MetricSpec, index: number, at: Resolving): PlannedMetric {
  const name = metricName(metric);
  const token = (field: "of" | "against", ref: TokenRef): PlannedToken =>
    tokenOf(ref, ["metrics", index, field], at);
  switch (metric.kind) {
    case "probability":
    case "logprob":
    case "rank":
      return { name, kind: metric.kind, of: token("of", metric.of) };
    case "logit-difference": {
      const { kind, of, against } = metric;
      return { name, kind, of: token("of", of), against: token("against", against) };
    }
    case "entropy":
    case "kl":
    case "same-token":
      return { name, ...metric };
  }
}

function tokenOf(ref: TokenRef, path: SpecIssue["path"], at: Resolving): PlannedToken {
  const { model, issues, warnings } = at;
  if (ref === "source" || ref === "unpatched") return ref;
  const { vocabSize } = model.architecture;
  if (typeof ref === "number") {
    if (ref >= vocabSize) issues.push(tokenOutOfVocabulary(ref, vocabSize, path));
    return ref;
  }
  if (model.tokenizer === undefined) {
    issues.push(needsTokenizer("a metric's token given as text", "Give its id.", path));
    return 0;
  }
  const { tokens } = model.tokenizer.encode(ref.text, { addBos: false });
  const [first = 0] = tokens;
  if (tokens.length > 1) warnings.push(severalTokens(ref.text, model.tokenizer.piece(first)));
  return first;
}

function severalTokens(text: string, first: string): { code: string; message: string } {
  return {
    code: "metric-first-token",
    message: `${JSON.stringify(text)} is several tokens; the metric is about the first one, ${JSON.stringify(first)}.`,
  };
}
