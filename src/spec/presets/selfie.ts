/** SelfIE: an instruct model is asked for the message that its placeholders hold, and has begun to answer. */
import { generating, type Preset } from "./preset.ts";

/** SelfIE. */
export const selfie: Preset = {
  name: "selfie",
  summary:
    "Lets an instruct model put a hidden state into words: it stands five times where a message would be, and the answer is begun.",
  citation: "SelfIE, arXiv 2403.10949",
  needs: [],
  takes: ["position", "layer", "targetLayer", "maxTokens", "topK", "controls", "contrast"],
  example: { prompt: "I spent the summer in Japan", model: "smollm2-135m-instruct" },
  fields: (request) => ({
    target: {
      messages: [
        { role: "user", content: "[X]" },
        { role: "assistant", content: "Sure, I will summarize the message:" },
      ],
      position: { marker: "[X]", as: "_", times: 5 },
      layer: request.targetLayer,
    },
    read: generating(request),
  }),
};
