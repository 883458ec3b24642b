/** Questions about a slice of hidden states, one state a placeholder, as LatentQA asks them of a trained decoder. */
import { generating, type Preset } from "./preset.ts";

/** A slice of states in place of a text, and a question about it. */
export const latentQa: Preset = {
  name: "latent-qa",
  summary:
    "Answers a question about a slice of hidden states, those of all tokens but the first, in place of a text.",
  citation: "The slice of LatentQA, arXiv 2412.08686, without its trained decoder",
  needs: [],
  takes: ["ask", "layer", "targetLayer", "maxTokens", "topK", "controls"],
  example: {
    prompt: "The Eiffel Tower is in Paris",
    model: "smollm2-135m-instruct",
    ask: "What city is it about?",
  },
  // The first token is an attention sink, whose state drowns the others.
  fields: (request) => ({
    source: { position: { together: { from: 1, to: -1 } } },
    target: {
      messages: [
        {
          role: "user",
          content: `Here is a text: [X]. ${request.ask ?? "Repeat the text."}`,
        },
        ...(request.ask === undefined ? [{ role: "assistant", content: "The text says:" }] : []),
      ],
      position: { marker: "[X]", as: "_" },
      layer: request.targetLayer ?? 0,
    },
    read: generating(request),
  }),
};
