/** What a state changes on its way through a sentence, block by block and token by token. */
import { placeholderIn, type Preset } from "./preset.ts";

/** How far a patch travels. */
export const propagation: Preset = {
  name: "propagation",
  summary:
    "Shows how far a state travels that is written into a sentence: what it changes at later layers and tokens.",
  citation:
    "Differences of patched and clean runs, read by the logit lens (nostalgebraist 2020) as well",
  needs: ["ask"],
  takes: ["ask", "position", "layer", "targetLayer", "topK"],
  example: {
    prompt: "I spent the summer in Japan",
    model: "smollm2-135m-instruct",
    ask: "The official currency of x is called the",
    layer: 5,
  },
  fields: (request) => ({
    target: {
      prompt: request.ask,
      position: placeholderIn(request.ask ?? ""),
      layer: request.targetLayer,
    },
    read: { kind: "propagation", topK: request.topK },
    controls: ["unpatched"],
  }),
};
