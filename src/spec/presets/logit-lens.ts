/** The logit lens: the last layer of the source itself is written over. */
import type { Preset } from "./preset.ts";

/** The logit lens. */
export const logitLens: Preset = {
  name: "logit-lens",
  summary:
    "Reads a hidden state as if it were the last layer's: final norm and output matrix, nothing between.",
  citation: "nostalgebraist 2020; as a Patchscope in table 1 of arXiv 2401.06102",
  needs: [],
  takes: ["position", "layer", "topK"],
  example: { prompt: "The capital of France is", model: "smollm2-135m-instruct" },
  // Behind the last block nothing of the target prompt is left in what is read, so there is nothing to control for.
  fields: (request) => ({
    target: { prompt: "same", position: "same", layer: -1 },
    read: { kind: "next-token", topK: request.topK, position: "same" },
    controls: [],
  }),
};
