/**
 * Linear layers: y = x Wᵀ (+ b), with weights `[outputs, inputs]` as checkpoints keep them.
 * Several matrices with the same input are one product (their rows one after another).
 * What differs between precisions is here and nowhere else.
 */
import type { WeightTensor } from "../../architecture.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { int } from "./graph-builder.ts";

export interface LinearLayer {
  readonly name: string;
  /** Stacked along the outputs, in this order; all with the same number of inputs. */
  readonly matrices: readonly WeightTensor[];
  /** As many as matrices, or none. */
  readonly biases?: readonly WeightTensor[];
}

/** Adds a linear layer over `x` `[rows, inputs]` and names its output `[rows, outputs]`. */
export type LinearWriter = (
  graph: GraphBuilder,
  x: string,
  layer: LinearLayer,
  output?: string,
) => string;

/** Outputs of a layer, all matrices together. */
export function outputsOf(layer: LinearLayer): number {
  return layer.matrices.reduce((sum, matrix) => sum + (matrix.shape[0] ?? 0), 0);
}

/** Inputs of a layer. */
export function inputsOf(layer: LinearLayer): number {
  return layer.matrices[0]?.shape[1] ?? 0;
}

/** float32 weights: one Gemm with transB, so that nothing is transposed when the model is loaded. */
export const floatLinear: LinearWriter = (graph, x, layer, output) => {
  const weight = graph.weight(
    `${layer.name}.weight`,
    "float32",
    [outputsOf(layer), inputsOf(layer)],
    () => stackFloat32(layer.matrices),
  );
  const inputs = [x, weight, ...biasOf(graph, layer)];
  return graph.op("Gemm", inputs, {
    attributes: { transB: int(1) },
    ...(output === undefined ? {} : { name: output }),
  });
};

/** The layer's biases as one weight, where it has them. */
export function biasOf(graph: GraphBuilder, layer: LinearLayer): string[] {
  const { biases } = layer;
  if (biases === undefined || biases.length === 0) {
    return [];
  }
  const name = `${layer.name}.bias`;
  return [graph.weight(name, "float32", [outputsOf(layer)], () => stackFloat32(biases))];
}

/** Stands for the largest magnitude of a row of zeros: the smallest normal float32. */
const SMALLEST_SIZE = 2 ** -126;

/** The largest magnitude of each row of inputs, `[rows, 1]`: what inputs of fewer bits are divided by. */
export function rowSize(graph: GraphBuilder, x: string): string {
  return graph.once(`${x} size`, () => {
    const largest = graph.op("ReduceMax", [graph.op("Abs", [x]), graph.int64([1])]);
    return graph.op("Max", [largest, graph.float32(SMALLEST_SIZE)]);
  });
}

/** Dequantises tensors one after another into one buffer. */
export async function stackFloat32(tensors: readonly WeightTensor[]): Promise<Uint8Array> {
  const sizes = tensors.map((tensor) => tensor.shape.reduce((product, dim) => product * dim, 1));
  const out = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
  let offset = 0;
  for (const [index, tensor] of tensors.entries()) {
    await tensor.dequantize(out, offset);
    offset += sizes[index] ?? 0;
  }
  return new Uint8Array(out.buffer);
}
