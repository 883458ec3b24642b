/**
 * Linear layers with 8-bit integers on both sides, a scout: three times as fast where the processor has instructions for
 * their products, and only nearly the same numbers. Each row of inputs is divided by its largest magnitude and rounded to
 * 127ths of it, whatever other rows are there; each row of weights has a factor of its own.
 */
import type { GraphBuilder } from "./graph-builder.ts";
import type { LinearLayer, LinearWriter } from "./linear.ts";
import { biasOf, inputsOf, outputsOf, rowSize } from "./linear.ts";

/** Steps from zero to the largest magnitude. */
const STEPS = 127;
/** Stands for zero among a row's numbers, which are kept without a sign: that is what processors multiply by signed weights. */
const ZERO = 128;

/** int8 weights and inputs: `MatMulIntegerToFloat`, then the size of each row. */
export const int8Linear: LinearWriter = (graph, x, layer, output) => {
  const size = rowSize(graph, x);
  const step = graph.float32(1 / STEPS);
  const zero = graph.uint8(ZERO);
  const rounded = graph.once(`${x} rounded`, () =>
    graph.op("QuantizeLinear", [graph.op("Div", [x, size]), step, zero]),
  );
  const { numbers, factors } = weightsOf(graph, layer);
  const product = graph.op("MatMulIntegerToFloat", [rounded, numbers, step, factors, zero], {
    domain: "com.microsoft",
  });
  const named = output === undefined ? {} : { name: output };
  const bias = biasOf(graph, layer);
  const restored = graph.op("Mul", [product, size], bias.length === 0 ? named : {});
  return bias.length === 0 ? restored : graph.op("Add", [restored, ...bias], named);
};

/** The rounded weights, `[inputs, outputs]`, and the factor of each output. */
function weightsOf(
  graph: GraphBuilder,
  layer: LinearLayer,
): { readonly numbers: string; readonly factors: string } {
  const [outputs, inputs] = [outputsOf(layer), inputsOf(layer)];
  const rounded = shared(() => roundRows(layer));
  return {
    numbers: graph.weight(`${layer.name}.int8`, "int8", [inputs, outputs], async () => {
      const { numbers } = await rounded();
      return new Uint8Array(numbers.buffer);
    }),
    factors: graph.weight(`${layer.name}.factors`, "float32", [outputs], async () => {
      const { factors } = await rounded();
      return new Uint8Array(factors.buffer);
    }),
  };
}

interface RoundedRows {
  /** `[inputs, outputs]`, from -127 to 127. */
  readonly numbers: Int8Array<ArrayBuffer>;
  /** `[outputs]` */
  readonly factors: Float32Array<ArrayBuffer>;
}

async function roundRows(layer: LinearLayer): Promise<RoundedRows> {
  const [outputs, inputs] = [outputsOf(layer), inputsOf(layer)];
  const numbers = new Int8Array(inputs * outputs);
  const factors = new Float32Array(outputs);
  const row = new Float32Array(inputs);
  let output = 0;
  for (const matrix of layer.matrices) {
    const readRow = await matrix.rowReader();
    for (let index = 0; index < (matrix.shape[0] ?? 0); index++, output++) {
      readRow(index, row, 0);
      const factor = row.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) / STEPS || 1;
      factors[output] = factor;
      for (let input = 0; input < inputs; input++) {
        numbers[input * outputs + output] = Math.round((row[input] ?? 0) / factor);
      }
    }
  }
  return { numbers, factors };
}

/** What two weights are made of: made for the first, and forgotten with the second. */
function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    const current = made ?? make();
    made = made === undefined ? current : undefined;
    return current;
  };
}
