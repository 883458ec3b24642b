/** What a model itself says behind the states of a text, and how far it says the same behind states that were mapped. */
import type { ReadOut } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { logSumExp } from "../measure/fidelity.ts";
import type { MapTally } from "../measure/map-scores.ts";

/** The next tokens of a text as its own run has them, `[read]` places of it. */
export interface SaidTokens {
  readonly top: Int32Array;
  /** `[read, vocab]` */
  readonly logits: Float32Array;
  /** Log of the sum of their exponentials: what makes log-probabilities of them. */
  readonly sums: readonly number[];
  readonly vocabSize: number;
}

/** What was read of a text, with its logits. */
export function saidTokens(read: ReadOut | undefined, vocabSize: number): SaidTokens {
  assert(read?.logits, "the text was read with its logits");
  const { topTokens: top, logits } = read;
  const sums = Array.from(top, (_, index) =>
    logSumExp(logits.subarray(index * vocabSize, (index + 1) * vocabSize)),
  );
  return { top, logits, sums, vocabSize };
}

/** Counts the likeliest tokens behind mapped states, from one of the places on, by what the model itself says there. */
export function tallyTokens(
  tally: MapTally,
  tokens: Int32Array,
  { top, logits, sums, vocabSize }: SaidTokens,
  from = 0,
): void {
  for (const [index, token] of tokens.entries()) {
    if (index < from) continue;
    const logit = logits[index * vocabSize + token] ?? NaN;
    tally.addToken(token === top[index], logit - (sums[index] ?? 0));
  }
}
