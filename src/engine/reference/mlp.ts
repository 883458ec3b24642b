/** The feed-forward layer: `down(activation(gate(x)) · up(x))`, or without a gate `down(activation(up(x)))`. */
import type { Activation } from "../architecture.ts";
import { ACTIVATIONS } from "./activation.ts";
import { multiply, type Linear } from "./linear.ts";

export interface Mlp {
  readonly gate: Linear | undefined;
  readonly up: Linear;
  readonly down: Linear;
  readonly activation: Activation;
}

/** What the layer adds at one position. */
export function feedForward(mlp: Mlp, x: Float32Array): Float32Array {
  const activation = ACTIVATIONS[mlp.activation];
  const up = multiply(mlp.up, x);
  if (mlp.gate === undefined) {
    return multiply(mlp.down, up.map(activation));
  }
  const gated = multiply(mlp.gate, x).map((value, i) => activation(value) * (up[i] ?? 0));
  return multiply(mlp.down, gated);
}
