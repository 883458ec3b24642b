/** The read-out: final norm, output matrix, top K, log-normaliser and the logit of one tracked token, for some final states. */
import type { Architecture, Weights } from "../../architecture.ts";
import { rmsNorm } from "./decoder-graph.ts";
import type { Graph } from "./graph-builder.ts";
import { GraphBuilder, int } from "./graph-builder.ts";
import type { LinearWriter } from "./linear.ts";

/** `states` `[rows, hidden]`, `k` `[1]`, `tracked` `[rows, 1]` → `top_logits`, `top_tokens`, `log_normalizer`, `tracked_logit`, `logits`. */
export function buildReadOut(parts: {
  readonly architecture: Architecture;
  readonly weights: Weights;
  readonly linear: LinearWriter;
}): Graph {
  const { hiddenSize, vocabSize, normEpsilon } = parts.architecture;
  const graph = new GraphBuilder("read_out");
  const states = graph.input("states", "float32", ["rows", hiddenSize]);
  const k = graph.input("k", "int64", [1]);
  const tracked = graph.input("tracked", "int64", ["rows", 1]);
  const normed = rmsNorm(graph, states, {
    name: "final_norm",
    epsilon: normEpsilon,
    weight: parts.weights.finalNorm,
  });
  const head = { name: "head", matrices: [parts.weights.head] };
  const logits = parts.linear(graph, normed, head, "logits");
  const [topLogits = "", topTokens = ""] = graph.ops("TopK", [logits, k], 2, {
    attributes: { axis: int(-1), largest: int(1), sorted: int(1) },
  });
  graph.op("Identity", [topLogits], { name: "top_logits" });
  graph.op("Identity", [topTokens], { name: "top_tokens" });
  graph.op("ReduceLogSumExp", [logits, graph.int64([1])], {
    name: "log_normalizer",
    attributes: { keepdims: int(0) },
  });
  graph.op("GatherElements", [logits, tracked], {
    name: "tracked_logit",
    attributes: { axis: int(1) },
  });
  graph.output("logits", "logits", "float32", ["rows", vocabSize]);
  graph.output("top_logits", "top_logits", "float32", ["rows", "k"]);
  graph.output("top_tokens", "top_tokens", "int64", ["rows", "k"]);
  graph.output("log_normalizer", "log_normalizer", "float32", ["rows"]);
  graph.output("tracked_logit", "tracked_logit", "float32", ["rows", 1]);
  return graph.build();
}
