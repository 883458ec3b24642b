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
  /** A divisor for each frequency, as GGUF files keep the result of the above. */
  | { readonly kind: "divisors"; readonly divisors: Float32Array };

const f32 = Math.fround;

/** The rotary embedding of heads of `headSize` (even) with base `theta`. */
export function makeRope(headSize: number, theta: number, scaling: RopeScaling): Rope {
  const inverseFrequencies = new Float64Array(headSize / 2);
  for (let pair = 0; pair < inverseFrequencies.length; pair++) {
    const base = f32(1 / f32(f32(theta) ** f32((2 * pair) / headSize)));
    inverseFrequencies[pair] = scale(base, pair, scaling);
  }
  return { inverseFrequencies, attentionFactor: 1 };
}

function scale(frequency: number, pair: number, scaling: RopeScaling): number {
  switch (scaling.kind) {
    case "default":
      return frequency;
    case "linear":
      return f32(frequency / f32(scaling.factor));
    case "llama3":
      return scaleLlama3(frequency, scaling);
    case "divisors":
      return f32(frequency / (scaling.divisors[pair] ?? 1));
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
