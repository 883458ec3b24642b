/** What a metric is called in results and tables: the same for the same metric, in every run. */
import type { MetricSpec, TokenRef } from "./spec.ts";

/** `probability " Paris"`, `logit-difference " Paris" - " Rome"`, `kl from source`. */
export function metricName(metric: MetricSpec): string {
  switch (metric.kind) {
    case "probability":
    case "logprob":
    case "rank":
      return `${metric.kind} ${tokenName(metric.of)}`;
    case "logit-difference":
      return `${metric.kind} ${tokenName(metric.of)} - ${tokenName(metric.against)}`;
    case "entropy":
      return metric.kind;
    case "kl":
      return `${metric.kind} from ${metric.from}`;
    case "same-token":
      return `${metric.kind} as ${metric.as}`;
  }
}

function tokenName(of: TokenRef): string {
  if (of === "source" || of === "unpatched") return of;
  return typeof of === "number" ? `token ${of}` : JSON.stringify(of.text);
}
