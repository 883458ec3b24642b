/** The future lens with a fixed prompt, or a trained one: which words the model is about to say, not only the next one. */
import { generating, type Preset, type PresetRequest, type SoftPrompt } from "./preset.ts";

/** The future lens. */
export const futureLens: Preset = {
  name: "future-lens",
  summary:
    "Reads the next few words that a hidden state anticipates: it takes the last token of a fixed or a trained prompt, at the same layer.",
  citation: "Pal et al. 2023, arXiv 2311.04897; the prompt from section 3.2 of arXiv 2401.06102",
  needs: [],
  takes: [
    "position",
    "layer",
    "targetLayer",
    "softPrompt",
    "maxTokens",
    "topK",
    "controls",
    "contrast",
  ],
  example: { prompt: "Marty McFly from Back to the", model: "smollm2-135m-instruct" },
  fields: (request) => ({
    ...(request.softPrompt === undefined ? fixed(request) : trained(request, request.softPrompt)),
    read: generating({ ...request, maxTokens: request.maxTokens ?? 4 }),
  }),
};

function fixed({ targetLayer }: PresetRequest): object {
  const prompt = "Hello! Could you please tell me more about ";
  return { target: { prompt, position: -1, layer: targetLayer } };
}

function trained(
  { targetLayer }: PresetRequest,
  { file, tensor, count }: SoftPrompt,
): Readonly<Record<string, unknown>> {
  // Of these tokens nothing is left, so they are ones that every vocabulary has.
  const tokens = Array.from({ length: count }, () => 0);
  return {
    target: { tokens, position: -1, layer: targetLayer },
    interventions: [
      {
        kind: "soft-prompt",
        file,
        ...(tensor === undefined ? {} : { tensor }),
        positions: "all",
      },
    ],
  };
}
