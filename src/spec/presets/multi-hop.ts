/** Two-hop questions taken in two steps: the state that has answered the first hop is put behind the second one. */
import { specInvalid } from "../../errors.ts";
import { askElsewhere, sourceNoText } from "../errors.ts";
import type { ControlSpec } from "../spec.ts";
import { generating, type Preset, type PresetRequest } from "./preset.ts";

// All pairs of layers are several hundred runs; every third layer shows where it works.
const GRID = { from: 0, to: -1, step: 3 };
const CONTROLS: readonly ControlSpec[] = [
  { kind: "unpatched" },
  { kind: "unrelated" },
  { kind: "text-only" },
];
const NAME = "multi-hop-repair";
const ASK_HINT =
  'Name the part that is asked last, e.g. "The current CEO of" of "The current CEO of the company that created Windows".';

/**
 * S is the first hop, T the second, so that neither sees the other's words: the form in which the paper measures T = S, and
 * without which nothing is repaired, as the whole question is then in sight of what goes on. What the model says to it
 * stands beside.
 */
export const multiHopRepair: Preset = {
  name: NAME,
  summary:
    "Repairs a two-hop question: the state that has answered its first hop is written over the end of the second, which --ask names; the two never see each other's words.",
  citation: "Multi-hop reasoning, section 5 of arXiv 2401.06102",
  needs: ["ask"],
  takes: ["ask", "layer", "targetLayer", "maxTokens", "topK", "controls", "contrast"],
  askHint: ASK_HINT,
  example: {
    prompt: "The current CEO of the company that created Visual Basic Script",
    model: "smollm2-135m-instruct",
    ask: "The current CEO of",
  },
  fields: (request) => {
    const { layer = GRID, targetLayer = GRID, ask, controls = CONTROLS } = request;
    const { question, hop } = halved(request);
    return {
      source: { prompt: hop, position: -1, layer },
      target: { prompt: ask, position: -1, layer: targetLayer },
      read: generating(request),
      controls: controls.map((control) =>
        control.kind === "text-only" ? { ...control, prompt: question } : control,
      ),
    };
  },
};

/** The question, and the first hop of it: what is left without the second. */
function halved(request: PresetRequest): Record<"question" | "hop", string> {
  if (!("prompt" in request)) throw specInvalid([sourceNoText(NAME)]);
  const { ask = "", prompt: question } = request;
  const hop = question.startsWith(ask) ? question.slice(ask.length).trim() : "";
  if (hop === "") throw specInvalid([askElsewhere(ask, question, ASK_HINT)]);
  return { question, hop };
}
