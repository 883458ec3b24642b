/** Few-shot token identity, with the target prompt of the paper's code, byte for byte. */
import type { Preset } from "./preset.ts";

const IDENTITY_PROMPT = "cat -> cat\n1135 -> 1135\nhello -> hello\n?";

/** Few-shot token identity. */
export const identity: Preset = {
  name: "identity",
  summary:
    "Names the token that a hidden state stands for: what the model is about to say, layer by layer.",
  citation: "Few-shot token identity, section 4.1 of arXiv 2401.06102",
  needs: [],
  takes: ["position", "layer", "targetLayer", "topK", "controls"],
  example: { prompt: "The capital of France is", model: "smollm2-135m-instruct" },
  fields: (request) => ({
    target: { prompt: IDENTITY_PROMPT, position: -1, layer: request.targetLayer },
    read: { kind: "next-token", topK: request.topK, position: -1 },
  }),
};
