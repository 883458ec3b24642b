/** How close one distribution, one vector or one choice is to another: what precisions are compared by. */

/** A share of trials with its 95% interval after Wilson, which holds near 0 and 1 too. */
export interface Share {
  readonly count: number;
  readonly of: number;
  readonly low: number;
  readonly high: number;
}

const NORMAL_975 = 1.959964;

/** The share `count / of`; the whole range where there was no trial. */
export function shareOf(count: number, of: number): Share {
  if (of === 0) return { count, of, low: 0, high: 1 };
  const z2 = NORMAL_975 ** 2;
  const share = count / of;
  const middle = (share + z2 / (2 * of)) / (1 + z2 / of);
  const spread =
    (NORMAL_975 * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of ** 2))) / (1 + z2 / of);
  return { count, of, low: Math.max(0, middle - spread), high: Math.min(1, middle + spread) };
}

/** KL(p || q) in nats of the distributions that two lists of logits stand for. */
export function divergence(p: Float32Array, q: Float32Array): number {
  const [logP, logQ] = [logSumExp(p), logSumExp(q)];
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logp = (p[i] ?? 0) - logP;
    sum += Math.exp(logp) * (logp - ((q[i] ?? 0) - logQ));
  }
  // Never negative but for rounding; not a number stays one.
  return sum < 0 ? 0 : sum;
}

/** The largest difference of a probability between the distributions that two lists of logits stand for. */
export function furthest(p: Float32Array, q: Float32Array): number {
  const [logP, logQ] = [logSumExp(p), logSumExp(q)];
  let largest = 0;
  for (let i = 0; i < p.length; i++) {
    const difference = Math.abs(Math.exp((p[i] ?? 0) - logP) - Math.exp((q[i] ?? 0) - logQ));
    // Not a number stays one.
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/** The cosine of the angle between two vectors; 1 for two of zeros, 0 for one. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa === 0 || bb === 0) return aa === bb ? 1 : 0;
  return ab / Math.sqrt(aa * bb);
}

/** How many entries two lists have in common before they part. */
export function commonLength(a: readonly number[], b: readonly number[]): number {
  const parted = a.findIndex((value, i) => value !== b[i]);
  return parted === -1 ? Math.min(a.length, b.length) : parted;
}

/** The mean of some numbers and the worst of them. */
export interface Summary {
  readonly mean: number;
  readonly worst: number;
}

/** A precision of a model on a device held against float32 on the CPU, over all positions of {@link FidelityReport.prompts}. */
export interface FidelityReport {
  readonly precision: string;
  readonly device: string;
  readonly prompts: number;
  /** Tokens of all prompts, each with its next-token distribution and its states. */
  readonly positions: number;
  /** Positions at which the most probable token is the same. */
  readonly top1: Share;
  /** KL(float32 || precision) in nats. */
  readonly kl: Summary & {
    /** Where it was worst: the prompt's text, and the token's index in it. */
    readonly prompt: string;
    readonly position: number;
  };
  /** The largest difference of a next token's probability. */
  readonly probability: number;
  /** Cosine of the states behind each block. */
  readonly cosine: readonly Summary[];
  /** Greedy continuations. */
  readonly generations: {
    readonly tokens: number;
    /** For each prompt, how many tokens are the same before the first that differs. */
    readonly common: readonly number[];
  };
}

/** The logarithm of the sum of exponentials. */
export function logSumExp(values: Float32Array): number {
  let largest = -Infinity;
  for (const value of values) if (value > largest) largest = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
