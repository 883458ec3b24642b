/**
 * Metrics → the tokens that they are about, as ids of the target's vocabulary. The source's own run can be held against
 * it in that vocabulary only.
 */
import type { SpecIssue } from "../errors.ts";
import { metricName } from "../spec/metric-name.ts";
import type { MetricSpec, PatchscopeSpec, TokenRef } from "../spec/spec.ts";
import type { PlanModel } from "./encode-prompt.ts";
import { otherVocabulary } from "./errors/cross-model.ts";
import { needsTokenizer, tokenOutOfVocabulary } from "./errors/prompts.ts";
import { noSourceRun } from "./errors/runs.ts";
import type { Plan, PlannedMetric, PlannedToken } from "./plan.ts";

interface Resolving {
  /** The target's. */
  readonly model: PlanModel;
  /** Adds an issue, the first time that a metric is held against a source of another vocabulary. */
  readonly checkReference: (reference: unknown, path: SpecIssue["path"]) => void;
  readonly issues: SpecIssue[];
  readonly warnings: { readonly code: string; readonly message: string }[];
}

/** The metrics of a spec, and what there is to say about their tokens; what is wrong with them goes to the issues. */
export function planMetrics(
  spec: PatchscopeSpec,
  { source, target }: Readonly<Record<"source" | "target", PlanModel>>,
  issues: SpecIssue[],
): Pick<Plan, "metrics" | "isSourceComparable" | "warnings"> {
  const isRun = !("file" in spec.source);
  const isSourceComparable = isRun && haveOneVocabulary(source, target);
  const checkReference = (reference: unknown, path: SpecIssue["path"]): void => {
    if (reference !== "source" || isSourceComparable) return;
    const issue = isRun ? otherVocabulary(source.name, target.name, path) : noSourceRun(path);
    // It is the same of all metrics: once is enough.
    if (!issues.some(({ code }) => code === issue.code)) issues.push(issue);
  };
  const at: Resolving = { model: target, checkReference, issues, warnings: [] };
  const metrics = spec.metrics.map((metric, index) => planMetric(metric, index, at));
  const byMessage = new Map(at.warnings.map((warning) => [warning.message, warning] as const));
  return { metrics, isSourceComparable, warnings: [...byMessage.values()] };
}

// Vocabularies that differ at all differ in most of their tokens.
const COMPARED_TOKENS = 100;

/** Whether a token's id means the same in both models; of models without a tokenizer only the sizes are known. */
function haveOneVocabulary(source: PlanModel, target: PlanModel): boolean {
  if (source === target) return true;
  if (source.architecture.vocabSize !== target.architecture.vocabSize) return false;
  const [one, other] = [source.tokenizer, target.tokenizer];
  if (one === undefined || other === undefined) return true;
  const count = one.vocabSize;
  if (other.vocabSize !== count) return false;
  return Array.from({ length: COMPARED_TOKENS }, (_, index) =>
    Math.floor((index * count) / COMPARED_TOKENS),
  ).every((token) => one.piece(token) === other.piece(token));
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
      return { name, ...metric };
    case "kl":
      at.checkReference(metric.from, ["metrics", index, "from"]);
      return { name, ...metric };
    case "same-token":
      at.checkReference(metric.as, ["metrics", index, "as"]);
      return { name, ...metric };
  }
}

function tokenOf(ref: TokenRef, path: SpecIssue["path"], at: Resolving): PlannedToken {
  const { model, issues, warnings } = at;
  at.checkReference(ref, path);
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
