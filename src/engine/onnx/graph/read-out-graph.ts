/** The read-out: final norm, output matrix, log-softmax, top K and one tracked token, for some final states. */
import type { Graph } from "./graph-builder.ts";
import { GraphBuilder, int } from "./graph-builder.ts";
import type { DecoderParts } from "./layer-writer.ts";
import { writeCap, writeNorm } from "./norm.ts";

/** `states` `[rows, hidden]`, `k` `[1]`, `tracked` `[rows, 1]` → `top_logprobs`, `top_tokens`, `tracked_logprobs`, `logits`. */
export function buildReadOut(parts: DecoderParts): Graph {
  const { hiddenSize, vocabSize, norm } = parts.architecture;
  const graph = new GraphBuilder("read_out");
  const states = graph.input("states", "float32", ["rows", hiddenSize]);
  const k = graph.input("k", "int64", [1]);
  const tracked = graph.input("tracked", "int64", ["rows", 1]);
  const normed = writeNorm(graph, states, {
    ...norm,
    name: "final_norm",
    weight: parts.weights.finalNorm,
    bias: parts.weights.finalNormBias,
  });
  const logits = writeLogits(graph, normed, parts);
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

/** The output matrix, then the factor and the cap that the architecture declares. */
function writeLogits(graph: GraphBuilder, normed: string, parts: DecoderParts): string {
  const { logitScale, logitCap } = parts.architecture;
  const { head, headBias } = parts.weights;
  const layer = {
    name: "head",
    matrices: [head],
    ...(headBias === undefined ? {} : { biases: [headBias] }),
  };
  const factor = logitScale / (logitCap ?? 1);
  if (factor === 1) return parts.linear(graph, normed, layer, "logits");
  const product = graph.op(
    "Mul",
    [parts.linear(graph, normed, layer), graph.float32(factor)],
    logitCap === undefined ? { name: "logits" } : {},
  );
  return logitCap === undefined ? product : writeCap(graph, product, logitCap, "logits");
}
