/** Activation functions as configurations call them. */
import type { Activation } from "../../engine/architecture.ts";
import { modelUnsupported } from "../errors.ts";

const NAMES: Readonly<Record<string, Activation>> = {
  silu: "silu",
  swish: "silu",
  gelu: "gelu",
  gelu_new: "gelu-tanh",
  gelu_fast: "gelu-tanh",
  gelu_pytorch_tanh: "gelu-tanh",
  relu: "relu",
};

/** Throws `model-unsupported` for one that is not built. */
export function activationOf(name: string, file: string): Activation {
  const activation = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (activation !== undefined) return activation;
  const known = Object.keys(NAMES).join(", ");
  throw modelUnsupported({ file, missing: `hidden_act is "${name}", and only ${known} are built` });
}
