/** The gated feed-forward layer: `down(activation(gate(x)) · up(x))`. */
import type { Architecture } from "../architecture.ts";
import { multiply, type Linear } from "./linear.ts";

export interface Mlp {
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
  readonly activation: Architecture["activation"];
}

const ACTIVATIONS: Readonly<Record<Architecture["activation"], (x: number) => number>> = {
  silu: (x) => x / (1 + Math.exp(-x)),
};

/** What the layer adds at one position. */
export function feedForward(mlp: Mlp, x: Float32Array): Float32Array {
  const activation = ACTIVATIONS[mlp.activation];
  const up = multiply(mlp.up, x);
  const gated = multiply(mlp.gate, x).map((value, i) => activation(value) * (up[i] ?? 0));
  return multiply(mlp.down, gated);
}
