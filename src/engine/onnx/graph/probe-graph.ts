/** The smallest graph that shows whether a device multiplies in a type, between the casts that `half-linear.ts` writes. */
import { type Graph, GraphBuilder, int } from "./graph-builder.ts";
import { DATA_TYPES } from "./proto.ts";

/** Takes `x`, a matrix, and gives `product`, the matrix times itself transposed. */
export function probeGraph(type: "float32" | "float16"): Graph {
  const graph = new GraphBuilder("probe");
  const x = graph.input("x", "float32", ["rows", "columns"]);
  const cast = (value: string, to: "float32" | "float16", name?: string): string =>
    graph.op("Cast", [value], {
      ...(name === undefined ? {} : { name }),
      attributes: { to: int(DATA_TYPES[to]) },
    });
  const typed = cast(x, type);
  const product = graph.op("Gemm", [typed, typed], { attributes: { transB: int(1) } });
  cast(product, "float32", "product");
  graph.output("product", "float32", ["rows", "rows"]);
  return graph.build();
}
