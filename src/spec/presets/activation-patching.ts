/** Activation patching: states of one prompt put into another that differs from it in what matters. */
import { windowOf, type Preset } from "./preset.ts";

/** Activation patching. */
export const activationPatching: Preset = {
  name: "activation-patching",
  summary:
    "Shows which states decide between two answers: those of a clean prompt are put into a corrupted one, one at a time.",
  citation: "Zhang and Nanda, arXiv 2309.16042; also called interchange intervention",
  needs: ["corrupted"],
  takes: ["corrupted", "answer", "against", "position", "layer", "site", "window", "topK"],
  example: {
    prompt: "The capital of France is",
    model: "smollm2-135m-instruct",
    corrupted: "The capital of Italy is",
  },
  fields: (request) => ({
    source: { position: request.position ?? "all", site: request.site },
    target: {
      prompt: request.corrupted,
      position: "same",
      layer: windowOf(request),
      site: request.site,
    },
    read: { kind: "next-token", topK: request.topK },
    metrics: [
      {
        kind: "logit-difference",
        of: request.answer ?? "source",
        against: request.against ?? "unpatched",
      },
      { kind: "probability", of: request.answer ?? "source" },
    ],
    controls: ["unpatched"],
  }),
};
