/**
 * Linear layers with float16 weights and products, for devices that are fast in them; what goes in and out is float32.
 *
 * Inputs may be as large as float32 has them (Gemma's are), so each row is divided by its largest magnitude first and its
 * product multiplied by it. Then no sum is larger than the magnitudes of a row of weights together, which is checked
 * when they are read: nothing overflows. What is lost are inputs below 2^-24 of the row's largest.
 */
import type { WeightTensor } from "../../architecture.ts";
import { beyondFloat16 } from "../../errors.ts";
import { LARGEST_HALF, toHalves } from "../../../float16.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { int } from "./graph-builder.ts";
import type { LinearLayer, LinearWriter } from "./linear.ts";
import { biasOf, inputsOf, outputsOf, rowSize } from "./linear.ts";
import { DATA_TYPES } from "./proto.ts";

/** float16 weights: Gemm in float16 between two casts. */
export const halfLinear: LinearWriter = (graph, x, layer, output) => {
  const size = rowSize(graph, x);
  const halved = graph.once(`${x} halved`, () =>
    writeCast(graph, graph.op("Div", [x, size]), "float16"),
  );
  const shape = [outputsOf(layer), inputsOf(layer)];
  const weight = graph.weight(`${layer.name}.weight`, "float16", shape, () => readHalves(layer));
  const product = graph.op("Gemm", [halved, weight], { attributes: { transB: int(1) } });
  const named = output === undefined ? {} : { name: output };
  const bias = biasOf(graph, layer);
  const restored = graph.op(
    "Mul",
    [writeCast(graph, product, "float32"), size],
    bias.length === 0 ? named : {},
  );
  return bias.length === 0 ? restored : graph.op("Add", [restored, ...bias], named);
};

function writeCast(graph: GraphBuilder, x: string, to: "float16" | "float32"): string {
  return graph.op("Cast", [x], { attributes: { to: int(DATA_TYPES[to]) } });
}

/** All rows as halves, one at a time: no float32 copy of a matrix is made. */
async function readHalves(layer: LinearLayer): Promise<Uint8Array> {
  const inputs = inputsOf(layer);
  const halves = new Uint16Array(outputsOf(layer) * inputs);
  const row = new Float32Array(inputs);
  let at = 0;
  for (const matrix of layer.matrices) {
    const readRow = await matrix.rowReader();
    for (let index = 0; index < rowsOf(matrix); index++, at += inputs) {
      readRow(index, row, 0);
      checkRow(row, { layer: layer.name, row: at / inputs });
      toHalves(row, halves, at);
    }
  }
  return new Uint8Array(halves.buffer);
}

function rowsOf(matrix: WeightTensor): number {
  return matrix.shape[0] ?? 0;
}

function checkRow(row: Float32Array, at: { readonly layer: string; readonly row: number }): void {
  const sum = row.reduce((total, weight) => total + Math.abs(weight), 0);
  if (!(sum <= LARGEST_HALF)) throw beyondFloat16({ ...at, sum });
}
