/** Attention knockout: the last token may not look at one token in some layers; what it says then shows what it had from there. */
import { answerMetrics, INTERVENTION_ONLY, type Preset } from "./preset.ts";

/** One layer changes little: others have read the same. */
const WINDOW = 5;

/** Attention knockout. */
export const attentionKnockout: Preset = {
  name: "attention-knockout",
  summary:
    "Shows from where the last token takes its answer: it may not look at one token, in a few layers at a time.",
  citation: "Geva et al., arXiv 2304.14767; table 1 of arXiv 2401.06102 has it as a Patchscope",
  needs: [],
  takes: ["answer", "position", "layer", "window", "topK"],
  example: {
    prompt: "The Eiffel Tower is located in the city of",
    model: "smollm2-135m-instruct",
  },
  fields: (request) => ({
    ...INTERVENTION_ONLY,
    interventions: [
      {
        kind: "attention-knockout",
        from: -1,
        to: request.position ?? "all",
        layers: request.layer,
        sweep: { to: 1, layers: request.window ?? WINDOW },
      },
    ],
    read: { kind: "next-token", topK: request.topK },
    metrics: answerMetrics(request),
    controls: ["unpatched"],
  }),
};
