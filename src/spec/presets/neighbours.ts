/** The tokens of the vocabulary that lie nearest to a state; nothing but the source is run. */
import type { Preset } from "./preset.ts";

/** Nearest tokens. */
export const neighbours: Preset = {
  name: "neighbours",
  summary: "Names the tokens whose embeddings lie nearest to a hidden state, by cosine.",
  citation: "The vocabulary as a dictionary of states; compare arXiv 2410.05864 and 2602.00462",
  needs: [],
  takes: ["position", "layer", "map", "topK"],
  example: { prompt: "The capital of France is", model: "smollm2-135m-instruct" },
  fields: (request) => ({
    target: { prompt: "same", position: "same", layer: request.map === undefined ? "same" : -1 },
    mapping: request.map === undefined ? undefined : { file: request.map },
    read: { kind: "neighbours", topK: request.topK },
    controls: [],
  }),
};
