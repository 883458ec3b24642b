/** From final states to tokens: final norm, output matrix, log-softmax (in float64), the most probable tokens. */
import type { Architecture } from "../architecture.ts";
import type { Read, ReadOut } from "../engine.ts";
import { multiply, scaleVector } from "./linear.ts";
import { normalize } from "./norm.ts";
import type { Parameters } from "./parameters.ts";

/** The model's logits for one final state, `[vocab]`. */
export function logitsOf(
  parameters: Parameters,
  { logitScale, logitCap }: Pick<Architecture, "logitScale" | "logitCap">,
  state: Float32Array,
): Float32Array {
  const logits = multiply(parameters.head, normalize(parameters.finalNorm, state));
  const scaled = scaleVector(logits, logitScale);
  return logitCap === undefined
    ? scaled
    : scaled.map((logit) => logitCap * Math.tanh(logit / logitCap));
}

/** Answers `read` from the logits of each of its places. */
export function readOut(read: Read, logits: readonly Float32Array[], vocabSize: number): ReadOut {
  const topTokens = new Int32Array(logits.length * read.topK);
  const topLogprobs = new Float32Array(logits.length * read.topK);
  const tracked = new Float32Array(logits.length);
  const all = new Float32Array(read.logits === true ? logits.length * vocabSize : 0);
  for (const [place, vector] of logits.entries()) {
    const normalizer = logSumExp(vector);
    for (const [rank, token] of topTokensOf(vector, read.topK).entries()) {
      topTokens[place * read.topK + rank] = token;
      topLogprobs[place * read.topK + rank] = (vector[token] ?? NaN) - normalizer;
    }
    const token = read.tracked?.[place];
    tracked[place] = token === undefined ? NaN : (vector[token] ?? NaN) - normalizer;
    if (read.logits === true) {
      all.set(vector, place * vocabSize);
    }
  }
  return {
    topTokens,
    topLogprobs,
    ...(read.tracked === undefined ? {} : { trackedLogprobs: tracked }),
    ...(read.logits === true ? { logits: all } : {}),
  };
}

function logSumExp(logits: Float32Array): number {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
  return highest + Math.log(total);
}

/** The ids of the `count` largest logits; of equal ones the lower id first. */
function topTokensOf(logits: Float32Array, count: number): number[] {
  const ids = Array.from(logits.keys());
  return ids.sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b).slice(0, count);
}
