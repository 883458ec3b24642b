/**
 * The next token of a row: the likeliest, or one drawn from the model's distribution, made sharper or cut as the spec says.
 * Draws depend on the spec's seed, the cell and the step, not on which rows run together.
 */
import type { ReadOut } from "../engine/engine.ts";
import { logSumExp } from "../measure/fidelity.ts";
import type { DrawingSpec } from "../spec/spec.ts";

/** A token and its log-probability, in nats: the model's own, whatever it was drawn from. */
export interface ScoredToken {
  readonly token: number;
  readonly logprob: number;
}

/** The most probable tokens of one read-out. */
export function topOf(readOut: ReadOut, index: number, topK: number): ScoredToken[] {
  return Array.from({ length: topK }, (_, k) => ({
    token: readOut.topTokens[index * topK + k] ?? 0,
    logprob: readOut.topLogprobs[index * topK + k] ?? 0,
  }));
}

/**
 * Draws a token. The temperature comes first, then the `topK` likeliest are kept, and of these the fewest that have
 * `topP` of the probability together.
 * @param logits `[vocab]`
 * @param chance from 0 to below 1
 */
export function drawToken(
  logits: Float32Array,
  decoding: Pick<DrawingSpec, "temperature" | "topP" | "topK">,
  chance: number,
): ScoredToken {
  const byLogit = Uint32Array.from(logits, (_, token) => token).sort(
    (a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b,
  );
  const best = logits[byLogit[0] ?? 0] ?? 0;
  const kept = byLogit.subarray(0, decoding.topK ?? byLogit.length);
  const weights = Float64Array.from(kept, (token) =>
    Math.exp(((logits[token] ?? 0) - best) / decoding.temperature),
  );
  const count = nucleus(weights, decoding.topP);
  const token = kept[indexAt(weights.subarray(0, count), chance)] ?? 0;
  return { token, logprob: (logits[token] ?? 0) - logSumExp(logits) };
}

/** How many of the weights, which descend, have this share of all. */
function nucleus(weights: Float64Array, share: number): number {
  if (share >= 1) return weights.length;
  const enough = share * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const last = weights.findIndex((weight) => (sum += weight) >= enough);
  return last < 0 ? weights.length : last + 1;
}

function indexAt(weights: Float64Array, chance: number): number {
  let left = chance * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => (left -= weight) < 0);
  return index < 0 ? weights.length - 1 : index;
}

/** A number from 0 to below 1 that depends on all three and on nothing else. */
export function chanceOf(seed: number, cell: number, step: number): number {
  // Each number is mixed in by the finaliser of MurmurHash3; 0x9e3779b9 keeps zeros apart.
  let state = 0x9e3779b9;
  for (const value of [seed, Math.floor(seed / 2 ** 32), cell, step]) {
    state = mix((state ^ value) + 0x9e3779b9);
  }
  return (mix(state) >>> 0) / 2 ** 32;
}

function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
