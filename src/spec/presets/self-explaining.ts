/** A direction explains itself: the meaning of a word whose state it is, at several lengths. */
import { generating, type Preset } from "./preset.ts";

const FACTORS = [0.5, 1, 2, 4, 8, 16, 32, 64];

/** A vector and the search for its scale. */
export const selfExplaining: Preset = {
  name: "self-explaining",
  summary:
    "Asks for the meaning of a word whose state is the vector, at several lengths; the evidence says which length to believe.",
  citation: "Self-explaining SAE features, Kharlapenko et al. 2024; arXiv 2401.06102",
  needs: [],
  takes: [
    "factors",
    "position",
    "layer",
    "targetLayer",
    "maxTokens",
    "topK",
    "controls",
    "contrast",
  ],
  example: { prompt: "I spent the summer in Japan", model: "smollm2-135m-instruct", layer: 12 },
  fields: (request) => ({
    mapping: [
      { kind: "normalise", norm: 1 },
      { kind: "scale", factor: request.factors ?? FACTORS },
    ],
    target: {
      prompt: 'What is the meaning of the word "[X]"? The meaning of the word "[X]" is "',
      position: { marker: "[X]" },
      layer: request.targetLayer ?? 2,
    },
    read: generating(request),
  }),
};
