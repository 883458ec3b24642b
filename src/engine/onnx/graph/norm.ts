/** Writes a norm over the last axis. */
import type { NormSettings, WeightTensor } from "../../architecture.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { float, int } from "./graph-builder.ts";
import { stackFloat32 } from "./linear.ts";

export interface NormWeights extends Pick<NormSettings, "kind" | "epsilon"> {
  /** What its initialisers' names start with. */
  readonly name: string;
  readonly weight: WeightTensor;
  /** Of a layer norm. */
  readonly bias: WeightTensor | undefined;
}

export function writeNorm(graph: GraphBuilder, x: string, norm: NormWeights): string {
  const stored = (name: string, tensor: WeightTensor): string =>
    graph.weight(`${norm.name}.${name}`, "float32", tensor.shape, () => stackFloat32([tensor]));
  const weight = stored("weight", norm.weight);
  const attributes = { epsilon: float(norm.epsilon), axis: int(-1) };
  if (norm.kind === "rms") return graph.op("RMSNormalization", [x, weight], { attributes });
  const bias = norm.bias === undefined ? [] : [stored("bias", norm.bias)];
  return graph.op("LayerNormalization", [x, weight, ...bias], { attributes });
}

/** cap · tanh(x / cap), for an `x` that is already divided by the cap. */
export function writeCap(graph: GraphBuilder, x: string, cap: number, name?: string): string {
  const bounded = graph.op("Tanh", [x]);
  return graph.op("Mul", [bounded, graph.float32(cap)], name === undefined ? {} : { name });
}
