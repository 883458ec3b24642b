/** Two-hop questions taken in two steps: the state that has answered the first hop is put behind the second one. */
import { generating, type Preset, type PresetOptions } from "./preset.ts";

const CITATION = "Multi-hop reasoning, section 5 of arXiv 2401.06102";
// All pairs of layers are several hundred runs; every third layer shows where it works.
const GRID = { from: 0, to: -1, step: 3 };

const TAKES: readonly (keyof PresetOptions)[] = [
  "ask",
  "layer",
  "targetLayer",
  "maxTokens",
  "topK",
  "controls",
  "contrast",
];

/** S is the first hop, T the second: neither sees the other's words. */
export const multiHop: Preset = {
  name: "multi-hop",
  summary:
    "Puts the state of a first hop (the text) behind the second one (--ask): the two never see each other's words.",
  citation: CITATION,
  needs: ["ask"],
  takes: TAKES,
  example: {
    prompt: "the company that created Visual Basic Script",
    model: "smollm2-135m-instruct",
    ask: "The current CEO of",
  },
  fields: (request) => ({
    source: { position: -1, layer: request.layer ?? GRID },
    target: { prompt: request.ask, position: -1, layer: request.targetLayer ?? GRID },
    read: generating(request),
  }),
};

/** T = S, the whole question: the state of its end is written over the last token of the second hop. */
export const multiHopRepair: Preset = {
  name: "multi-hop-repair",
  summary:
    "Repairs a two-hop question: the state of its end is written over the last token of the second hop, which --ask names.",
  citation: CITATION,
  needs: ["ask"],
  takes: TAKES,
  example: {
    prompt: "The current CEO of the company that created Visual Basic Script",
    model: "smollm2-135m-instruct",
    ask: "The current CEO of",
  },
  fields: (request) => ({
    source: { position: -1, layer: request.layer ?? GRID },
    target: {
      prompt: "same",
      position: { find: request.ask },
      layer: request.targetLayer ?? GRID,
    },
    read: generating(request),
  }),
};
