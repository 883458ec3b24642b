/** Captions of what a network without words has seen: its vectors go through an affine map to where a model reads tokens. */
import { generating, type Preset } from "./preset.ts";

// The model knows the form; which words come is the vector's to say.
const PROMPT = "Image: [X]\nA picture of";
// Up to the end of the sentence, or of the line.
const STOP = [".", "\n"];

/** Caption generation. */
export const caption: Preset = {
  name: "caption",
  summary:
    "Puts what another network has seen into words: the vectors of an image encoder, through an affine map, in place of a token.",
  citation: "Linearly mapping from image to text space, Merullo et al. 2022, arXiv 2209.15162",
  needs: ["map"],
  mapHint:
    "Give the file of an affine map: patchscopes fit --vectors images.safetensors --texts captions.txt makes one, and PyTorch's nn.Linear is taken as it is.",
  takes: [
    "map",
    "position",
    "targetLayer",
    "maxTokens",
    "stop",
    "contrastive",
    "topK",
    "controls",
    "contrast",
  ],
  example: {
    file: "images.safetensors",
    item: 0,
    model: "smollm2-135m-instruct",
    map: "map.safetensors",
  },
  fields: (request) => ({
    // All vectors of an item are of one image; without items each position is one.
    source: {
      position: request.position ?? ("item" in request ? { together: "all" } : "all"),
    },
    target: {
      prompt: PROMPT,
      position: { marker: "[X]" },
      layer: request.targetLayer ?? "embedding",
    },
    mapping: { kind: "file", file: request.map },
    read: generating({ ...request, stop: request.stop ?? STOP }),
  }),
};
