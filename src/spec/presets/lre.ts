/** The attribute lens of linear relations: what a subject's state says of one relation, by a map learned for it. */
import type { Preset } from "./preset.ts";

/** The attribute lens. */
export const lre: Preset = {
  name: "lre",
  summary:
    "Reads one attribute of a subject: a linear relation takes the state of its last token to that of the prompt's.",
  citation: "Hernandez et al., arXiv 2308.09124; as a Patchscope in table 1 of arXiv 2401.06102",
  needs: ["map"],
  takes: ["map", "position", "layer", "topK"],
  example: {
    prompt: "The capital city of Peru is",
    model: "smollm2-135m-instruct",
    position: { find: "Peru", occurrence: "first", token: "last" },
    layer: 12,
    map: "capital.safetensors",
  },
  // Behind the last block nothing of the prompt is left in what is read: the map alone says what the relation is.
  fields: ({ map, topK }) => ({
    target: { prompt: "same", position: -1, layer: -1 },
    mapping: { file: map },
    read: { kind: "next-token", topK, position: -1 },
    controls: [],
  }),
};
