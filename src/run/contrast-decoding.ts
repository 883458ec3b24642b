/**
 * Decoding against the prior: a token counts for how much likelier the vector makes it than the target prompt does by
 * itself, among those that are plausible with the vector (BALOR, arXiv 2602.00300; the cut of contrastive decoding,
 * arXiv 2210.15097).
 */
import { logSumExp } from "../measure/fidelity.ts";
import type { PriorContrast } from "../spec/spec.ts";

/**
 * (1 + amount) log p - amount log q for the tokens whose p is at least `plausibility` of the largest, -inf for the others.
 * @param patched `[vocab]` logits of p
 * @param prior `[vocab]` logits of q, the same target without a patch
 */
export function contrasted(
  patched: Float32Array,
  prior: Float32Array,
  { amount, plausibility }: Pick<PriorContrast, "amount" | "plausibility">,
): Float32Array {
  const best = patched.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const least = best + Math.log(plausibility);
  // What normalises p and q is the same for all tokens, and changes neither their order nor what is drawn.
  return patched.map((logit, token) =>
    logit < least ? -Infinity : (1 + amount) * logit - amount * (prior[token] ?? 0),
  );
}

/** The largest score's token; of equal ones the first. */
export function bestOf(scores: Float32Array): number {
  return scores.reduce((best, score, token) => (score > (scores[best] ?? 0) ? token : best), 0);
}

/** A token's log-probability by logits, in nats. */
export function logprobIn(logits: Float32Array, token: number): number {
  return (logits[token] ?? 0) - logSumExp(logits);
}
