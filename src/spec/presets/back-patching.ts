/** Back-patching: a token's later state put into an earlier layer of the same prompt, so that more layers read it. */
import type { Preset } from "./preset.ts";

/** All pairs of layers are four times as many, and show no more. */
const EVERY_OTHER = { from: 0, to: -1, step: 2 };

/** Back-patching. */
export const backPatching: Preset = {
  name: "back-patching",
  summary:
    "Puts a later state of a token back into an earlier layer, so that more layers read it, and shows what that changes.",
  citation: "Biran et al., arXiv 2406.12775",
  needs: [],
  takes: ["answer", "position", "layer", "targetLayer", "topK"],
  example: {
    prompt: "The capital of the country of the Eiffel Tower is",
    model: "smollm2-135m-instruct",
  },
  fields: ({ answer, layer, targetLayer, topK }) => ({
    source: { layer: layer ?? EVERY_OTHER },
    target: { prompt: "same", position: "same", layer: targetLayer ?? "earlier" },
    read: { kind: "next-token", topK },
    metrics: [
      ...(answer === undefined
        ? [{ kind: "kl", from: "unpatched" }]
        : [{ kind: "probability", of: answer }]),
      { kind: "same-token", as: "unpatched" },
    ],
    controls: ["unpatched"],
  }),
};
