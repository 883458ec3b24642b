/** Causal tracing: the source with noise on its subject, and one clean state at a time put back. */
import { answerMetrics, windowOf, type Preset } from "./preset.ts";

// The paper's 10 are steadier; the picture is the same with half of them.
const SAMPLES = 5;

/** Causal tracing. */
export const causalTracing: Preset = {
  name: "causal-tracing",
  summary:
    "Shows which states carry a fact: noise on the subject makes the model forget, one clean state at a time brings it back.",
  citation: "Meng et al., arXiv 2202.05262; as a Patchscope in table 1 of arXiv 2401.06102",
  needs: ["subject"],
  takes: ["subject", "answer", "position", "layer", "site", "window", "samples", "topK"],
  example: {
    prompt: "The Eiffel Tower is located in the city of",
    model: "smollm2-135m-instruct",
    subject: "Eiffel Tower",
  },
  fields: (request) => ({
    source: { position: request.position ?? "all", site: request.site },
    target: {
      prompt: "same",
      position: "same",
      layer: windowOf(request),
      site: request.site,
    },
    interventions: [
      {
        kind: "noise",
        positions: { find: request.subject, token: "all" },
        samples: request.samples ?? SAMPLES,
      },
    ],
    read: { kind: "next-token", topK: request.topK },
    metrics: answerMetrics(request),
    controls: ["unpatched"],
  }),
};
