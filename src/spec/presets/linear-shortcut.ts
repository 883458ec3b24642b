/** The linear shortcut: a fitted map in place of the blocks between two layers; the blocks above run. */
import { tunedLens } from "./tuned-lens.ts";
import type { Preset } from "./preset.ts";

/** The linear shortcut. */
export const linearShortcut: Preset = {
  name: "linear-shortcut",
  summary:
    "As the tuned lens, to any layer: a fitted map stands for the blocks between, and those above run as ever.",
  citation: "Din et al., arXiv 2303.09435; as a Patchscope in table 1 of arXiv 2401.06102",
  needs: ["map"],
  takes: ["map", "position", "layer", "targetLayer", "topK"],
  example: {
    prompt: "The capital of France is",
    model: "smollm2-135m-instruct",
    layer: [4, 8],
    targetLayer: 20,
    map: "map.safetensors",
  },
  fields: ({ targetLayer = -1, ...request }) => ({
    ...tunedLens.fields(request),
    target: { prompt: "same", position: "same", layer: targetLayer },
  }),
};
