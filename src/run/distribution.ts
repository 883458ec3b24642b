/**
 * The distribution of a next token, as far as it was read: all of it where metrics need that, else one token's probability.
 * All numbers are natural logarithms.
 */
import type { Read, ReadOut } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { logSumExp } from "../measure/fidelity.ts";
import type { Plan, PlannedToken } from "../plan/plan.ts";
import { isSampled } from "../plan/reads.ts";

export interface Distribution {
  /** The likeliest token. */
  readonly top: number;
  /** `[vocab]`; only where the whole of it was read. */
  readonly logits: Float32Array | undefined;
  /** Throws where neither the whole nor this token was read. */
  logprob(token: number): number;
}

/** What metrics need to be read beside the likeliest tokens: nothing, one token everywhere, or the whole distribution. */
export type MetricNeed =
  | { readonly kind: "nothing" }
  | { readonly kind: "token"; readonly token: Exclude<PlannedToken, "unpatched"> }
  | { readonly kind: "logits" };

/** The least that a plan's metrics can be computed from. */
export function metricNeed(plan: Pick<Plan, "metrics" | "cells" | "noise">): MetricNeed {
  const { metrics, cells } = plan;
  // The mean over samples is of whole distributions.
  if (isSampled(plan)) return { kind: "logits" };
  const tokens = new Set<PlannedToken>();
  for (const metric of metrics) {
    if (metric.kind === "probability" || metric.kind === "logprob") tokens.add(metric.of);
    else if (metric.kind !== "same-token") return { kind: "logits" };
  }
  const [token] = tokens;
  if (token === undefined) return { kind: "nothing" };
  const isOneSource = new Set(cells.map((cell) => cell.sourceReadAt)).size === 1;
  // What the target says without a patch is known when it has run only.
  if (token === "unpatched") return { kind: "logits" };
  const isOne = tokens.size === 1 && (token !== "source" || isOneSource);
  return isOne ? { kind: "token", token } : { kind: "logits" };
}

/** The same as a pass is asked for it; `sourceTop` is the source's own likeliest next token. */
export function askFor(
  need: MetricNeed,
  count: number,
  sourceTop: number | undefined,
): Pick<Read, "tracked" | "logits"> {
  if (need.kind === "nothing") return {};
  if (need.kind === "logits") return { logits: true };
  const token = need.token === "source" ? (sourceTop ?? 0) : need.token;
  return { tracked: new Int32Array(count).fill(token) };
}

/** One entry of what was read. */
export function distributionOf(
  readOut: ReadOut,
  index: number,
  read: {
    readonly topK: number;
    readonly vocabSize: number;
    readonly tracked: Int32Array | undefined;
  },
): Distribution {
  const { topK, vocabSize } = read;
  const top = readOut.topTokens[index * topK] ?? 0;
  const logits = readOut.logits?.subarray(index * vocabSize, (index + 1) * vocabSize);
  if (logits !== undefined) return { top, ...wholeDistribution(logits) };
  const known = new Map([
    [top, readOut.topLogprobs[index * topK]],
    [
      read.tracked?.[index] ?? top,
      readOut.trackedLogprobs?.[index] ?? readOut.topLogprobs[index * topK],
    ],
  ]);
  return {
    top,
    logits,
    logprob: (token) => {
      const logprob = known.get(token);
      assert(logprob !== undefined, `the log-probability of token ${token} was read`);
      return logprob;
    },
  };
}

function wholeDistribution(
  logits: Float32Array,
): Pick<Distribution, "logprob"> & { readonly logits: Float32Array } {
  let total: number | undefined;
  return {
    logits,
    logprob: (token) => {
      total ??= logSumExp(logits);
      return (logits[token] ?? -Infinity) - total;
    },
  };
}
