/** Entity description by another model, which may be larger and know more words. */
import { entity, entityPrompt } from "./entity.ts";
import { generating, type Preset } from "./preset.ts";

/** Entity description across models. */
export const crossModelEntity: Preset = {
  name: "cross-model-entity",
  summary:
    "Lets another model describe what a hidden state stands for; the state goes through a map from one model to the other.",
  citation: "Patching across models, section 4.4 of arXiv 2401.06102",
  needs: ["explainer", "map"],
  takes: ["explainer", "map", ...entity.takes],
  example: {
    prompt: "Diana, Princess of Wales",
    model: "smollm2-135m-instruct",
    explainer: "gemma-3-270m",
    map: "map.safetensors",
  },
  fields: (request) => ({
    target: {
      model: request.explainer,
      prompt: entityPrompt(request),
      position: -1,
      layer: request.targetLayer,
    },
    mapping: { kind: "file", file: request.map },
    read: generating(request),
  }),
};
