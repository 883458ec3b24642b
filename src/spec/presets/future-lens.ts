/** The future lens with a fixed prompt: which words the model is about to say, not only the next one. */
import { generating, type Preset } from "./preset.ts";

/** The future lens. */
export const futureLens: Preset = {
  name: "future-lens",
  summary:
    "Reads the next few words that a hidden state anticipates: it takes the last token of a fixed prompt, at the same layer.",
  citation: "Pal et al. 2023, arXiv 2311.04897; the prompt from section 3.2 of arXiv 2401.06102",
  needs: [],
  takes: ["position", "layer", "targetLayer", "maxTokens", "topK", "controls", "contrast"],
  example: { prompt: "Marty McFly from Back to the", model: "smollm2-135m-instruct" },
  fields: (request) => ({
    target: {
      prompt: "Hello! Could you please tell me more about ",
      position: -1,
      layer: request.targetLayer,
    },
    read: generating({ ...request, maxTokens: request.maxTokens ?? 4 }),
  }),
};
