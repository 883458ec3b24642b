/** A direction explains itself: the meaning of a word whose state it is, at several lengths. */
import { generating, type Preset } from "./preset.ts";

// Of the length of the state that the vector is written over: models' states are of very different lengths. On development
// subjects most is right between 0.35 and 2.8, with Gemma as with SmolLM2.
const FACTORS = [0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4];

/** A vector and the search for its scale. */
export const selfExplaining: Preset = {
  name: "self-explaining",
  summary:
    "Asks for the meaning of a word whose state is the vector, at several lengths relative to the state that it replaces; the evidence says which length to believe.",
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
      mode: "norm-scaled",
    },
    read: generating(request),
  }),
};
