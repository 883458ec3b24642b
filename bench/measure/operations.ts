/** How much work a plan counts, to hold time against: read-outs included. */
import { planSpec, planStatistics, type PatchscopeSpec } from "patchscopes";
import type { Model } from "patchscopes/node";

export interface CountedWork {
  readonly specs: readonly PatchscopeSpec[];
  /** Of the model's first blocks only. */
  readonly layers?: number;
}

/** Multiplications and additions of all products with weights. */
export function operationsOf({ specs, layers }: CountedWork, model: Model): number {
  const { hiddenSize, heads, kvHeads, headSize, intermediateSize, vocabSize } = model.architecture;
  const cut = layers === undefined ? model : cutTo(layers, model);
  const attention = 2 * hiddenSize * headSize * (heads + kvHeads);
  const block = 2 * (attention + 3 * hiddenSize * intermediateSize);
  const read = 2 * hiddenSize * vocabSize;
  let total = 0;
  for (const spec of specs) {
    const { cells, blockRows } = planStatistics(planSpec(spec, cut));
    const reads = spec.read.kind === "generate" ? cells * spec.read.maxTokens : cells;
    total += (blockRows.total + blockRows.decode) * block + reads * read;
  }
  return total;
}

/** The model's first blocks. */
export function cutTo(layers: number, model: Model): Model {
  return { ...model, architecture: { ...model.architecture, layers } };
}
