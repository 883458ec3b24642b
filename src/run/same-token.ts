/** Differences of a token's logit and its own, which say nothing: which tokens they are of is known after the run only. */
import type { Plan, PlannedToken } from "../plan/plan.ts";
import type { PatchscopeResult } from "../result/result.ts";
import type { RunOutput } from "./run-plan.ts";

/** What there is to say about differences whose two tokens are one; nothing where a run that names one has not been read. */
export function sameTokenWarnings(
  { metrics }: Pick<Plan, "metrics">,
  output: Pick<RunOutput, "source" | "unpatched">,
  piece: (token: number) => string,
): PatchscopeResult["warnings"] {
  const token = (of: PlannedToken): number | undefined =>
    typeof of === "number" ? of : output[of]?.next[0]?.token;
  return metrics.flatMap((metric) => {
    if (metric.kind !== "logit-difference") return [];
    const of = token(metric.of);
    if (of === undefined || of !== token(metric.against)) return [];
    return {
      code: "metric-same-token",
      message: `Both tokens of ${metric.name} are ${JSON.stringify(piece(of))}, so it is 0 everywhere. Name two tokens that differ, with --answer and --against or in the metric.`,
    };
  });
}
