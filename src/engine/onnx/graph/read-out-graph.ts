/** The read-out: final norm, output matrix, log-softmax, top K and one tracked token, for some final states. */
import type { DecoderParts } from "./block.ts";
import { rmsNorm } from "./block.ts";
import type { Graph } from "./graph-builder.ts";
import { GraphBuilder, int } from "./graph-builder.ts";

/** `states` `[rows, hidden]`, `k` `[1]`, `tracked` `[rows, 1]` → `top_logprobs`, `top_tokens`, `tracked_logprobs`, `logits`. */
export function buildReadOut(parts: DecoderParts): Graph {
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
  const logprobs = graph.op("LogSoftmax", [logits], { attributes: { axis: int(-1) } });
  graph.topK(logprobs, k, { values: "top_logprobs", indices: "top_tokens" });
  graph.op("GatherElements", [logprobs, tracked], {
    name: "tracked_logprobs",
    attributes: { axis: int(1) },
  });
  graph.output("logits", "float32", ["rows", vocabSize]);
  graph.output("top_logprobs", "float32", ["rows", "k"]);
  graph.output("top_tokens", "int64", ["rows", "k"]);
  graph.output("tracked_logprobs", "float32", ["rows", 1]);
  return graph.build();
}
