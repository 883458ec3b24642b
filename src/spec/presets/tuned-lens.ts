/** The tuned lens: the logit lens behind a fitted map. */
import { logitLens } from "./logit-lens.ts";
import type { Preset } from "./preset.ts";

/** The tuned lens. */
export const tunedLens: Preset = {
  name: "tuned-lens",
  summary:
    "As the logit lens, with a map fitted to the last layer, so that early layers are read in its terms.",
  citation:
    "Belrose et al., arXiv 2303.08112; fitted in closed form as the linear shortcut of Din et al., arXiv 2303.09435",
  needs: ["map"],
  takes: ["map", "position", "layer", "topK"],
  example: {
    prompt: "The capital of France is",
    model: "smollm2-135m-instruct",
    map: "map.safetensors",
  },
  fields: (request) => ({
    ...logitLens.fields(request),
    mapping: { file: request.map },
  }),
};
