/**
 * Causal attention with grouped key/value heads over one row: queries of new positions against the keys
 * of everything before them.
 */
import type { Rope } from "../architecture.ts";
import { dot, multiply, type Linear } from "./linear.ts";
import { normalizePieces, type Norm } from "./norm.ts";
import { rotate } from "./rope.ts";

export interface Attention {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Over each head or all of a projection, by the size of its weight. */
  readonly qNorm: Norm | undefined;
  readonly kNorm: Norm | undefined;
  readonly scale: number;
  /** Scores become cap · tanh(score / cap). */
  readonly scoreCap: number | undefined;
  readonly rope: Rope | undefined;
  /** How many positions are seen, the reading one included; all where undefined. */
  readonly window: number | undefined;
}

/** Keys (rotated) and values of one row in one block: a vector `[kvHeads · headSize]` a position. */
export interface KeysValues {
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
}

export const NO_KEYS: KeysValues = { keys: [], values: [] };

/** The first `length` positions. */
export function firstPositions(of: KeysValues, length: number): KeysValues {
  return { keys: of.keys.slice(0, length), values: of.values.slice(0, length) };
}

/** What attention adds at each position of `inputs`, and the keys and values with those of `inputs` behind the past. */
export function attend(
  attention: Attention,
  inputs: readonly Float32Array[],
  past: KeysValues,
): { readonly outputs: Float32Array[]; readonly kept: KeysValues } {
  const start = past.keys.length;
  const length = start + inputs.length;
  const turned = (linear: Linear, norm: Norm | undefined, x: Float32Array, offset: number) => {
    const heads = multiply(linear, x);
    const normed = norm === undefined ? heads : normalizePieces(norm, heads);
    const at = { headSize: attention.headSize, position: start + offset, length };
    return rotate(normed, attention.rope, at);
  };
  const newKeys = inputs.map((x, offset) => turned(attention.k, attention.kNorm, x, offset));
  const kept: KeysValues = {
    keys: [...past.keys, ...newKeys],
    values: [...past.values, ...inputs.map((x) => multiply(attention.v, x))],
  };
  const outputs = inputs.map((x, offset) => {
    const query = turned(attention.q, attention.qNorm, x, offset);
    const seen = seenFrom(kept, start + offset, attention.window);
    return multiply(attention.o, mixHeads(attention, query, seen));
  });
  return { outputs, kept };
}

/** What a position sees: itself and what is before it, as far as a window reaches. */
function seenFrom(of: KeysValues, position: number, window: number | undefined): KeysValues {
  const from = window === undefined ? 0 : Math.max(0, position + 1 - window);
  return {
    keys: of.keys.slice(from, position + 1),
    values: of.values.slice(from, position + 1),
  };
}

/** Every head's mixture of the values it sees, `[heads, headSize]`. */
function mixHeads(attention: Attention, query: Float32Array, seen: KeysValues): Float32Array {
  const { heads, kvHeads, headSize, scale, scoreCap } = attention;
  const capped = (score: number): number =>
    scoreCap === undefined ? score : scoreCap * Math.tanh(score / scoreCap);
  const mixed = new Float32Array(heads * headSize);
  for (let head = 0; head < heads; head += 1) {
    const kvStart = Math.floor((head * kvHeads) / heads) * headSize;
    const ofHead = (vector: Float32Array): Float32Array =>
      vector.subarray(kvStart, kvStart + headSize);
    const headQuery = query.subarray(head * headSize, (head + 1) * headSize);
    const weights = softmax(seen.keys.map((key) => capped(dot(headQuery, ofHead(key)) * scale)));
    mixed.set(weightedSum(weights, seen.values.map(ofHead)), head * headSize);
  }
  return mixed;
}

function softmax(scores: readonly number[]): number[] {
  const highest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = scores.map((score) => Math.exp(score - highest));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}

function weightedSum(weights: readonly number[], vectors: readonly Float32Array[]): Float64Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const [position, vector] of vectors.entries()) {
    const weight = weights[position] ?? 0;
    for (let i = 0; i < sum.length; i += 1) {
      sum[i] = (sum[i] ?? 0) + weight * (vector[i] ?? 0);
    }
  }
  return sum;
}
