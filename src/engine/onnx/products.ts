/**
 * Products of matrices on the runtime that runs the passes: what fitting maps needs, many times faster than JavaScript.
 * A session is made for each form when it is first asked for; they hold no weights.
 */
import type { Matrix, Transposed } from "../engine.ts";
import { GraphBuilder, int } from "./graph/graph-builder.ts";
import { floatsOf } from "./onnx-cache.ts";
import type { Runtime, RuntimeSession } from "./runtime.ts";

/** Multiplies matrices in float32. */
export class Products {
  readonly #runtime: Runtime;
  readonly #sessions = new Map<Transposed, Promise<RuntimeSession>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** left · right, one of them transposed first if wanted; row by row. */
  async multiply(left: Matrix, right: Matrix, transposed: Transposed): Promise<Float32Array> {
    let session = this.#sessions.get(transposed);
    if (session === undefined) {
      session = this.#runtime.createSession(productGraph(transposed));
      this.#sessions.set(transposed, session);
    }
    const feed = ({ rows, columns, data }: Matrix): ReturnType<Runtime["float32"]> =>
      this.#runtime.float32(data, [rows, columns]);
    const feeds = { left: feed(left), right: feed(right) };
    const { product } = await (await session).run(feeds, ["product"]);
    return floatsOf(product);
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).dispose();
  }
}

function productGraph(transposed: Transposed): ReturnType<GraphBuilder["build"]> {
  const graph = new GraphBuilder("product");
  const left = graph.input("left", "float32", ["rows", "columns"]);
  const right = graph.input("right", "float32", ["rows", "columns"]);
  graph.op("Gemm", [left, right], {
    name: "product",
    attributes: {
      transA: int(transposed === "left" ? 1 : 0),
      transB: int(transposed === "right" ? 1 : 0),
    },
  });
  graph.output("product", "float32", ["rows", "columns"]);
  return graph.build();
}
