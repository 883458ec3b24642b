/** Ablation: what a site holds of one token in one layer is taken away. */
import { answerMetrics, INTERVENTION_ONLY, type Preset } from "./preset.ts";

/** Ablation. */
export const ablation: Preset = {
  name: "ablation",
  summary: "Shows which states an answer needs: one at a time is replaced by a mean, or by zeros.",
  citation: "Zero and mean ablation, as in Wang et al., arXiv 2211.00593",
  needs: [],
  takes: ["answer", "position", "layer", "site", "window", "with", "topK"],
  example: {
    prompt: "The Eiffel Tower is located in the city of",
    model: "smollm2-135m-instruct",
  },
  fields: (request) => ({
    ...INTERVENTION_ONLY,
    interventions: [
      {
        kind: "ablation",
        positions: request.position ?? "all",
        layers: request.layer,
        site: request.site ?? "mlp_out",
        with: request.with ?? "mean",
        sweep: { positions: 1, layers: request.window ?? 1 },
      },
    ],
    read: { kind: "next-token", topK: request.topK },
    metrics: answerMetrics(request),
    controls: ["unpatched"],
  }),
};
