/** Numbers about a next token, from its distribution and those that it is held against. */
import { assert } from "../errors.ts";
import { divergence, logSumExp } from "../measure/fidelity.ts";
import type { Plan, PlannedMetric, PlannedToken } from "../plan/plan.ts";
import type { MetricValues } from "../result/result.ts";
import type { ReferenceRun } from "../spec/spec.ts";
import type { Distribution } from "./distribution.ts";

/** What a run is held against. */
export interface References {
  /** Absent where the source's tokens are others than the target's. */
  readonly source: Distribution | undefined;
  readonly unpatched: Distribution;
}

/** The metrics of a plan by their names. */
export function metricsOf(
  { metrics }: Pick<Plan, "metrics">,
  own: Distribution,
  references: References,
): MetricValues {
  return Object.fromEntries(
    metrics.map((metric) => [metric.name, valueOf(metric, own, references)]),
  );
}

/** Of each metric, the mean over some runs; none without metrics. */
export function meanOfMetrics(runs: readonly MetricValues[]): MetricValues {
  const [first = {}] = runs;
  return Object.fromEntries(
    Object.keys(first).map((name) => [
      name,
      runs.reduce((sum, values) => sum + (values[name] ?? NaN), 0) / runs.length,
    ]),
  );
}

function valueOf(metric: PlannedMetric, own: Distribution, references: References): number {
  const reference = (of: ReferenceRun): Distribution => {
    const found = references[of];
    assert(found, `the next token of ${of} was read`);
    return found;
  };
  const token = (of: PlannedToken): number => (typeof of === "number" ? of : reference(of).top);
  switch (metric.kind) {
    case "probability":
      return Math.exp(own.logprob(token(metric.of)));
    case "logprob":
      return own.logprob(token(metric.of));
    case "rank":
      return rankOf(token(metric.of), logitsOf(own));
    case "logit-difference": {
      const logits = logitsOf(own);
      return (logits[token(metric.of)] ?? NaN) - (logits[token(metric.against)] ?? NaN);
    }
    case "entropy":
      return entropyOf(own);
    case "kl":
      return divergence(logitsOf(reference(metric.from)), logitsOf(own));
    case "same-token":
      return own.top === reference(metric.as).top ? 1 : 0;
  }
}

function logitsOf({ logits }: Distribution): Float32Array {
  assert(logits, "the whole distribution was read");
  return logits;
}

/** 1 for the likeliest; of equal ones the lower id comes first. */
function rankOf(token: number, logits: Float32Array): number {
  const own = logits[token] ?? -Infinity;
  return logits.reduce(
    (rank, logit, other) => (logit > own || (logit === own && other < token) ? rank + 1 : rank),
    1,
  );
}

function entropyOf(own: Distribution): number {
  const logits = logitsOf(own);
  const total = logSumExp(logits);
  let sum = 0;
  for (const logit of logits) {
    if (logit > -Infinity) sum -= Math.exp(logit - total) * (logit - total);
  }
  return sum;
}
