/**
 * The products of a model's matrices and nothing else, on the runtime that runs the passes: as fast as a pass could be if
 * norms, attention and what stands between them took no time. What the engine is measured against.
 */
import type { Architecture, ModelDefinition } from "../architecture.ts";
import type { Precision } from "../engine.ts";
import { LINEAR } from "./onnx-engine.ts";
import type { Graph } from "./graph/graph-builder.ts";
import { GraphBuilder, int } from "./graph/graph-builder.ts";
import { LayerWriter, type DecoderParts } from "./graph/layer-writer.ts";
import { floatsOf } from "./onnx-cache.ts";
import type { Feeds, Runtime, RuntimeSession } from "./runtime.ts";

/** Products of all blocks, and of the output matrix. What they multiply is sin(0), sin(1), …, row by row. */
export interface ProductsAlone {
  /**
   * @param tokens how many token rows each block multiplies, `[layers]`
   * @returns the first number of each product that has rows, block by block: queries, output, gate (of gated MLPs), up, down
   */
  runBlocks(tokens: readonly number[]): Promise<Float32Array>;
  /**
   * @param rows how many states the output matrix multiplies
   * @returns the first logit
   */
  runHead(rows: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Loads the matrices. Throws `engine` when the runtime refuses them. */
export async function productsAlone(
  runtime: Runtime,
  model: ModelDefinition,
  precision: Precision = "float32",
): Promise<ProductsAlone> {
  const parts = { ...model, linear: LINEAR[precision] };
  const blocks = await runtime.createSession(blocksGraph(parts));
  const head = await runtime.createSession(headGraph(parts));
  const inputs = new Inputs(runtime);
  return {
    runBlocks: async (tokens) => {
      const feeds = tokens.flatMap((rows, layer) =>
        widthsOf(model.architecture).map(
          ({ name, width }) => [`${name}.${layer}`, inputs.of(rows, width)] as const,
        ),
      );
      return floatsOf((await blocks.run(Object.fromEntries(feeds), ["corners"]))["corners"]);
    },
    runHead: async (rows) => {
      const x = inputs.of(rows, model.architecture.hiddenSize);
      return floatsOf((await head.run({ x }, ["corners"]))["corners"]);
    },
    dispose: () => disposeBoth(blocks, head),
  };
}

async function disposeBoth(blocks: RuntimeSession, head: RuntimeSession): Promise<void> {
  await blocks.dispose();
  await head.dispose();
}

/** What matrices of a block read. */
function widthsOf({
  hiddenSize,
  heads,
  headSize,
  intermediateSize,
}: Architecture): readonly { readonly name: string; readonly width: number }[] {
  return [
    { name: "hidden", width: hiddenSize },
    { name: "mixed", width: heads * headSize },
    { name: "inner", width: intermediateSize },
  ];
}

function blocksGraph(parts: DecoderParts): Graph {
  const { layers, mlp } = parts.architecture;
  const graph = new GraphBuilder("products");
  const corners: string[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const writer = new LayerWriter(graph, parts, layer);
    const [hidden = "", mixed = "", inner = ""] = widthsOf(parts.architecture).map(
      ({ name, width }) => graph.input(`${name}.${layer}`, "float32", ["tokens", width]),
    );
    const products = [
      writer.linear(hidden, "qkv", ["q", "k", "v"]),
      writer.linear(mixed, "o", ["o"]),
      ...(mlp === "gated" ? [writer.linear(hidden, "gate", ["gate"])] : []),
      writer.linear(hidden, "up", ["up"]),
      writer.linear(inner, "down", ["down"]),
    ];
    corners.push(...products.map((product) => corner(graph, product)));
  }
  return withCorners(graph, corners);
}

function headGraph(parts: DecoderParts): Graph {
  const graph = new GraphBuilder("head_product");
  const x = graph.input("x", "float32", ["rows", parts.architecture.hiddenSize]);
  const logits = parts.linear(graph, x, { name: "head", matrices: [parts.weights.head] });
  return withCorners(graph, [corner(graph, logits)]);
}

/** One number of a product: enough for it to be computed, and nothing to copy out. */
function corner(graph: GraphBuilder, product: string): string {
  return graph.op("Slice", [product, graph.int64([0, 0]), graph.int64([1, 1])]);
}

function withCorners(graph: GraphBuilder, corners: readonly string[]): Graph {
  graph.op("Concat", corners, { name: "corners", attributes: { axis: int(0) } });
  graph.output("corners", "float32", ["products", 1]);
  return graph.build();
}

/** Inputs of any size, all views of the same numbers. */
class Inputs {
  readonly #runtime: Runtime;
  #numbers = new Float32Array(0);

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  of(rows: number, width: number): Feeds[string] {
    const count = rows * width;
    if (this.#numbers.length < count) {
      // Neither zeros nor so small that the processor is slow with them.
      this.#numbers = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    }
    return this.#runtime.float32(this.#numbers.subarray(0, count), [rows, width]);
  }
}
