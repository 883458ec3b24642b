/** Entity description, with the target prompt of the paper's code, byte for byte. */
import { generating, type Preset } from "./preset.ts";

/** Three entities with their descriptions, and a placeholder. */
export const ENTITY_PROMPT =
  "Syria: Country in the Middle East, Leonardo DiCaprio: American actor, Samsung: South Korean multinational major appliance and consumer electronics corporation, x";

/** Entity description. */
export const entity: Preset = {
  name: "entity",
  summary:
    "Describes in words what a hidden state stands for, for instance the entity that a name means.",
  citation: "Entity description, section 4.3 of arXiv 2401.06102",
  needs: [],
  takes: [
    "position",
    "layer",
    "targetLayer",
    "maxTokens",
    "stop",
    "contrastive",
    "roundTrip",
    "topK",
    "controls",
    "contrast",
  ],
  example: { prompt: "Diana, Princess of Wales", model: "smollm2-135m-instruct" },
  fields: (request) => ({
    target: { prompt: ENTITY_PROMPT, position: -1, layer: request.targetLayer },
    read: generating(request),
  }),
};
