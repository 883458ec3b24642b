/**
 * The instrumented decoder: one graph in which rows join at any block, every state can be read,
 * and every state can be overwritten. All token rows are one matrix `[rows × length, hidden]`.
 *
 *   h  = concat(h[go_on_l], join_l)              rows that go on, once or several times, and rows that enter at block l
 *   h  = h + attention(norm(h))                  resid_mid
 *   h  = h + mlp(norm(h))                        resid_post
 *
 * (in most families; what an architecture declares besides is written by {@link BlockWriter}, and only where declared).
 *
 * Attention has two parts under one softmax: keys of the shared context (batch 1, one product for all rows)
 * and keys of the row itself. The shapes of reshaped values are fed in, because they differ by block:
 * see {@link shapesOf}. Blocks without rows compute nothing.
 */
import type { DecoderParts } from "./layer-writer.ts";
import { BlockWriter } from "./block.ts";
import {
  blockName,
  HEAD_OUTPUTS,
  headInputs,
  OptionalOutputs,
  patchInputs,
  sharedInputs,
  sitesOf,
  tapInputs,
} from "./decoder-io.ts";
import type { HeadOutput } from "./decoder-io.ts";
import type { Graph } from "./graph-builder.ts";
import { LayerWriter } from "./layer-writer.ts";
import { GraphBuilder, int } from "./graph-builder.ts";

/** Builds the graph of all blocks; embedding and read-out are not part of it. */
export function buildDecoder(parts: DecoderParts): Graph {
  const { layers, hiddenSize, kvHeads, headSize } = parts.architecture;
  const graph = new GraphBuilder("decoder");
  const join = graph.input("join", "float32", ["joining", hiddenSize]);
  const joinCounts = graph.input("join_counts", "int64", [layers]);
  const joins = graph.ops("Split", [join, joinCounts], layers, { attributes: { axis: int(0) } });
  const goOn = graph.input("go_on", "int32", ["going_on"]);
  const goOnCounts = graph.input("go_on_counts", "int64", [layers]);
  const goingOn = graph.ops("Split", [goOn, goOnCounts], layers, { attributes: { axis: int(0) } });
  const patches = patchInputs(graph, parts.architecture);
  const tapEnds = tapInputs(graph, parts.architecture);
  const headEnds = parts.heads === true ? headInputs(graph, parts.architecture) : undefined;
  const outputs = new OptionalOutputs(graph);
  const shared = sharedInputs(graph, parts.architecture, parts);
  let h = "";
  for (let layer = 0; layer < layers; layer++) {
    const joining = joins[layer] ?? "";
    if (layer === 0) {
      h = joining;
    } else {
      const rows = graph.op("Gather", [h, goingOn[layer] ?? ""], { attributes: { axis: int(0) } });
      h = graph.op("Concat", [rows, joining], { attributes: { axis: int(0) } });
    }
    const block = new BlockWriter({
      graph,
      parts,
      weights: new LayerWriter(graph, parts, layer),
      shared,
      patches,
      tapEnds,
      headEnds,
      outputs,
      layer,
    });
    h = block.write(h);
  }
  outputs.write();
  for (let layer = 0; layer < layers; layer++) {
    for (const site of sitesOf(parts.architecture)) {
      graph.output(blockName.tap(site, layer), "float32", [`tokens.${layer}`, hiddenSize]);
    }
    for (const output of parts.heads === true ? HEAD_OUTPUTS : []) {
      graph.output(blockName.tap(output, layer), "float32", headShape(output, parts, layer));
    }
    for (const name of [blockName.newKeys(layer), blockName.newValues(layer)]) {
      graph.output(name, "float32", [kvHeads, `rows.${layer}`, "length", headSize]);
    }
    for (const name of parts.staysOnDevice === true
      ? [blockName.wholeKeys(layer), blockName.wholeValues(layer)]
      : []) {
      graph.output(name, "float32", [kvHeads, `rows.${layer}`, "past_and_length", headSize]);
    }
  }
  return graph.build();
}

/** Token rows with what each has there; the probabilities are by head. */
function headShape(
  output: HeadOutput,
  { architecture }: DecoderParts,
  layer: number,
): readonly (number | string)[] {
  const { heads, kvHeads, headSize } = architecture;
  const tokens = `tokens.${layer}`;
  switch (output) {
    case "qkv":
      return [tokens, (heads + 2 * kvHeads) * headSize];
    case "z":
      return [tokens, heads * headSize];
    case "pattern":
      return [kvHeads, `rows.${layer}`, heads / kvHeads, "length", "keys"];
  }
}
