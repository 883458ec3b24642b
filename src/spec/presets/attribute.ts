/** Zero-shot feature extraction: a question in which `x` stands for the vector. */
import { generating, IN_WORDS, placeholderIn, type Preset } from "./preset.ts";

/** Zero-shot feature extraction. */
export const attribute: Preset = {
  name: "attribute",
  summary: "Asks a hidden state for one thing: a sentence in which x stands for it is continued.",
  citation: "Zero-shot feature extraction, section 4.2 of arXiv 2401.06102",
  needs: ["ask"],
  takes: ["ask", ...IN_WORDS],
  example: {
    prompt: "I spent the summer in Japan",
    model: "smollm2-135m-instruct",
    ask: "The official currency of x",
  },
  fields: (request) => ({
    target: {
      prompt: request.ask,
      position: placeholderIn(request.ask ?? ""),
      layer: request.targetLayer,
    },
    read: generating(request),
  }),
};
