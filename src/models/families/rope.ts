/**
 * Rotary frequencies from what configurations say. Computed in float32 step by step, as transformers does
 * (modeling_rope_utils.py), so that long texts turn by the same angles.
 */
import { unreachable } from "../../errors.ts";
import type { Rope } from "../../engine/architecture.ts";

/** How the frequencies of a longer context are made from those of the base. */
export type RopeScaling =
  | { readonly kind: "default" }
  | { readonly kind: "linear"; readonly factor: number }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    }
  | Yarn
  | LongRope
  /** A divisor for each frequency, as GGUF files keep the result of the above. */
  | { readonly kind: "divisors"; readonly divisors: Float32Array };

export interface Yarn {
  readonly kind: "yarn";
  readonly factor: number;
  readonly attentionFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Whether the bounds between slowed and kept frequencies are whole numbers. */
  readonly truncate: boolean;
  readonly originalMaxPositions: number;
}

export interface LongRope {
  readonly kind: "longrope";
  /** Divisors of texts up to the original length, and of longer ones. */
  readonly short: readonly number[];
  readonly long: readonly number[];
  readonly attentionFactor: number;
  readonly originalMaxPositions: number;
}

const f32 = Math.fround;

/** The rotary embedding of the first `size` (even) numbers of a head, with base `theta`. */
export function makeRope(size: number, theta: number, scaling: RopeScaling): Rope {
  const inverseFrequencies = frequencies(size, theta, scaling);
  const attentionFactor = "attentionFactor" in scaling ? scaling.attentionFactor : 1;
  if (scaling.kind !== "longrope") return { inverseFrequencies, attentionFactor };
  const long = { ...scaling, short: scaling.long };
  return {
    inverseFrequencies,
    attentionFactor,
    beyond: {
      length: scaling.originalMaxPositions,
      inverseFrequencies: frequencies(size, theta, long),
    },
  };
}

function frequencies(size: number, theta: number, scaling: RopeScaling): Float64Array {
  return Float64Array.from({ length: size / 2 }, (_, pair) => {
    const power = f32(f32(theta) ** f32((2 * pair) / size));
    return scale(power, { pair, size, theta }, scaling);
  });
}

interface PairOf {
  readonly pair: number;
  readonly size: number;
  readonly theta: number;
}

/** `power` is theta^(2 · pair / size), the inverse of the frequency without scaling. */
function scale(power: number, of: PairOf, scaling: RopeScaling): number {
  const frequency = f32(1 / power);
  switch (scaling.kind) {
    case "default":
      return frequency;
    case "linear":
      return f32(frequency / f32(scaling.factor));
    case "llama3":
      return scaleLlama3(frequency, scaling);
    case "yarn":
      return scaleYarn(power, of, scaling);
    case "longrope":
      return f32(1 / f32(f32(scaling.short[of.pair] ?? 1) * power));
    case "divisors":
      return f32(frequency / (scaling.divisors[of.pair] ?? 1));
    default:
      return unreachable(scaling);
  }
}

/** Long waves are slowed down, short ones kept, those between interpolated (Llama 3.1). */
function scaleLlama3(frequency: number, scaling: Extract<RopeScaling, { kind: "llama3" }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
  const context = scaling.originalMaxPositions;
  const wavelength = f32(f32(2 * Math.PI) / frequency);
  if (wavelength > f32(context / low)) return f32(frequency / f32(factor));
  if (wavelength < f32(context / high)) return frequency;
  const smooth = f32(f32(f32(context / wavelength) - f32(low)) / f32(high - low));
  const slowed = f32(f32(f32(1 - smooth) * frequency) / f32(factor));
  return f32(slowed + f32(smooth * frequency));
}

/** The same idea with a ramp over the pairs: those that turn often are kept (arXiv 2309.00071). */
function scaleYarn(power: number, { pair, size, theta }: PairOf, scaling: Yarn): number {
  const pairTurning = (turns: number): number =>
    (size * Math.log(scaling.originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const first = pairTurning(scaling.betaFast);
  const last = pairTurning(scaling.betaSlow);
  const low = Math.max(scaling.truncate ? Math.floor(first) : first, 0);
  const high = Math.min(scaling.truncate ? Math.ceil(last) : last, size - 1);
  const width = low === high ? 0.001 : high - low;
  const ramp = f32(Math.min(1, Math.max(0, f32(f32(pair - f32(low)) / f32(width)))));
  const kept = f32(1 - ramp);
  const slowed = f32(1 / f32(f32(scaling.factor) * power));
  return f32(f32(slowed * f32(1 - kept)) + f32(f32(1 / power) * kept));
}
