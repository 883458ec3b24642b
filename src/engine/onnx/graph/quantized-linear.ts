/**
 * Linear layers whose weights stay 4 or 8 bits in memory. Activations are not quantised: sums are float32.
 *
 * A stored block of 32 weights is  w = Σ_t scale_t · (n_t - 8) + offset  with 4-bit numbers n_t:
 *   Q4_1  d·q + m                  one term,  scale d,            offset m + 8d
 *   Q8_0  d·(q - 128), q 8 bits    two terms, scales 16d and d,   offset 8d
 * MatMulNBits does the terms (its float kernels are fast for 4 bits only, and for no zero point but 8);
 * the offsets are one small Gemm over the sums of x in each block.
 */
import type { StorageType, WeightTensor } from "../../architecture.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { int } from "./graph-builder.ts";
import type { LinearLayer, LinearWriter } from "./linear.ts";
import { biasOf, floatLinear, inputsOf, outputsOf } from "./linear.ts";
import { halfTable } from "../../../float16.ts";

const BLOCK_SIZE = 32;
const NIBBLE_BYTES = BLOCK_SIZE / 2;
/** MatMulNBits: 1 computes in float32; 4 would quantise the activations to 8 bits. */
const ACCURACY_LEVEL = 1;

/** Blocks of one tensor, taken apart. */
interface Blocks {
  /** For each term `[blocks, 16]`: two numbers a byte, the first in the low half. */
  readonly nibbles: readonly Uint8Array[];
  /** For each term `[blocks]`. */
  readonly scales: readonly Float32Array[];
  /** `[blocks]` */
  readonly offsets: Float32Array;
}

interface BlockFormat {
  readonly bytesPerBlock: number;
  readonly terms: number;
  /** Takes the block at `bytes[at]` apart into place `index` of `out`. */
  readonly unpack: (bytes: Uint8Array, at: number, out: Blocks, index: number) => void;
}

const FORMATS: Partial<Record<StorageType, BlockFormat>> = {
  Q4_1: { bytesPerBlock: 20, terms: 1, unpack: unpackQ41 },
  Q8_0: { bytesPerBlock: 34, terms: 2, unpack: unpackQ80 },
};

/** 4- and 8-bit weights as they are stored; layers stored otherwise are float32. */
export const quantizedLinear: LinearWriter = (graph, x, layer, output) => {
  const format = formatOf(layer.matrices);
  if (format === undefined || inputsOf(layer) % BLOCK_SIZE !== 0) {
    return floatLinear(graph, x, layer, output);
  }
  const named = output === undefined ? {} : { name: output };
  const blocks = shareBlocks(layer, format);
  const terms = addTerms(graph, { x, layer, format, blocks });
  const sum = terms.length === 1 ? (terms[0] ?? "") : graph.op("Add", terms);
  const bias = biasOf(graph, layer);
  const product = addOffsets(graph, { x, sum, layer, blocks }, bias.length === 0 ? named : {});
  return bias.length === 0 ? product : graph.op("Add", [product, ...bias], named);
};

function formatOf(matrices: readonly WeightTensor[]): BlockFormat | undefined {
  const [first] = matrices;
  return first !== undefined && matrices.every(({ type }) => type === first.type)
    ? FORMATS[first.type]
    : undefined;
}

/** A layer taken apart once for all its initialisers, and forgotten when the last of them has been read. */
function shareBlocks(layer: LinearLayer, format: BlockFormat): () => Promise<Blocks> {
  let reads = 2 * format.terms + 1;
  let blocks: Promise<Blocks> | undefined;
  return () => {
    const current = (blocks ??= unpackLayer(layer, format));
    reads -= 1;
    if (reads === 0) {
      blocks = undefined;
    }
    return current;
  };
}

function addTerms(
  graph: GraphBuilder,
  parts: {
    readonly x: string;
    readonly layer: LinearLayer;
    readonly format: BlockFormat;
    readonly blocks: () => Promise<Blocks>;
  },
): string[] {
  const { x, layer, format, blocks } = parts;
  const [outputs, inputs] = [outputsOf(layer), inputsOf(layer)];
  const perRow = inputs / BLOCK_SIZE;
  return Array.from({ length: format.terms }, (_, term) => {
    const nibbles = graph.weight(
      `${layer.name}.nibbles.${term}`,
      "uint8",
      [outputs, perRow, NIBBLE_BYTES],
      async () => (await blocks()).nibbles[term] ?? new Uint8Array(0),
    );
    const scales = graph.weight(
      `${layer.name}.scales.${term}`,
      "float32",
      [outputs * perRow],
      async () => bytesOf((await blocks()).scales[term]),
    );
    return graph.op("MatMulNBits", [x, nibbles, scales], {
      domain: "com.microsoft",
      attributes: {
        K: int(inputs),
        N: int(outputs),
        bits: int(4),
        block_size: int(BLOCK_SIZE),
        accuracy_level: int(ACCURACY_LEVEL),
      },
    });
  });
}

function addOffsets(
  graph: GraphBuilder,
  parts: {
    readonly x: string;
    readonly sum: string;
    readonly layer: LinearLayer;
    readonly blocks: () => Promise<Blocks>;
  },
  named: { readonly name?: string },
): string {
  const { x, sum, layer, blocks } = parts;
  const perRow = inputsOf(layer) / BLOCK_SIZE;
  const offsets = graph.weight(
    `${layer.name}.offsets`,
    "float32",
    [outputsOf(layer), perRow],
    async () => bytesOf((await blocks()).offsets),
  );
  const rows = graph.op("Shape", [x], { attributes: { start: int(0), end: int(1) } });
  const blocked = graph.op("Concat", [rows, graph.int64([perRow, BLOCK_SIZE])], {
    attributes: { axis: int(0) },
  });
  const byBlock = graph.op("Reshape", [x, blocked], { attributes: { allowzero: int(1) } });
  const sums = graph.op("ReduceSum", [byBlock, graph.int64([2])], {
    attributes: { keepdims: int(0) },
  });
  return graph.op("Gemm", [sums, offsets, sum], { attributes: { transB: int(1) }, ...named });
}

/** Takes all matrices of a layer apart, one after another. */
async function unpackLayer(layer: LinearLayer, format: BlockFormat): Promise<Blocks> {
  const count = (outputsOf(layer) * inputsOf(layer)) / BLOCK_SIZE;
  const blocks: Blocks = {
    nibbles: Array.from({ length: format.terms }, () => new Uint8Array(count * NIBBLE_BYTES)),
    scales: Array.from({ length: format.terms }, () => new Float32Array(count)),
    offsets: new Float32Array(count),
  };
  let index = 0;
  for (const matrix of layer.matrices) {
    const bytes = await matrix.bytes();
    for (let at = 0; at + format.bytesPerBlock <= bytes.length; at += format.bytesPerBlock) {
      format.unpack(bytes, at, blocks, index);
      index += 1;
    }
  }
  return blocks;
}

/** ggml: d and m as halves, then 16 bytes with number j in the low and j + 16 in the high half of byte j. */
function unpackQ41(bytes: Uint8Array, at: number, out: Blocks, index: number): void {
  const scale = halfAt(bytes, at);
  const minimum = halfAt(bytes, at + 2);
  const [nibbles] = out.nibbles;
  const [scales] = out.scales;
  if (nibbles === undefined || scales === undefined) {
    return;
  }
  scales[index] = scale;
  out.offsets[index] = minimum + 8 * scale;
  const from = at + 4;
  const to = index * NIBBLE_BYTES;
  for (let pair = 0; pair < NIBBLE_BYTES / 2; pair++) {
    const a = bytes[from + 2 * pair] ?? 0;
    const b = bytes[from + 2 * pair + 1] ?? 0;
    nibbles[to + pair] = (a & 15) | ((b & 15) << 4);
    nibbles[to + NIBBLE_BYTES / 2 + pair] = (a >> 4) | (b & 240);
  }
}

/** ggml: d as a half, then 32 signed bytes. */
function unpackQ80(bytes: Uint8Array, at: number, out: Blocks, index: number): void {
  const scale = halfAt(bytes, at);
  const [high, low] = out.nibbles;
  const [highScales, lowScales] = out.scales;
  if (high === undefined || low === undefined || !highScales || !lowScales) {
    return;
  }
  highScales[index] = 16 * scale;
  lowScales[index] = scale;
  out.offsets[index] = 8 * scale;
  const from = at + 2;
  const to = index * NIBBLE_BYTES;
  for (let pair = 0; pair < NIBBLE_BYTES; pair++) {
    // Two's complement with the sign bit flipped is the number plus 128.
    const a = (bytes[from + 2 * pair] ?? 0) ^ 128;
    const b = (bytes[from + 2 * pair + 1] ?? 0) ^ 128;
    high[to + pair] = (a >> 4) | (b & 240);
    low[to + pair] = (a & 15) | ((b & 15) << 4);
  }
}

function halfAt(bytes: Uint8Array, at: number): number {
  return halfTable()[(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)] ?? 0;
}

function bytesOf(numbers: Float32Array | undefined): Uint8Array {
  return numbers === undefined
    ? new Uint8Array(0)
    : new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
