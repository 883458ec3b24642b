/**
 * Which controls a plan runs: the target prompt unpatched, the states of unrelated sentences and their mean, random
 * vectors, the states of a contrast set. The source's text in place of its vector is for `text-only.ts`.
 */
import type { SpecIssue } from "../errors.ts";
import type { ControlSpec, PatchscopeSpec } from "../spec/spec.ts";
import { planContrast, planSentences, planUnrelated, type SourceSide } from "./other-sources.ts";
import type { Plan, PlannedSentence } from "./plan.ts";

/** The controls of a spec, and what there is to say about those that do not run. */
export interface PlannedControls {
  readonly controls: Omit<Plan["controls"], "textOnly">;
  readonly warnings: Plan["warnings"];
  /** The unrelated sentences, where round trips need them. */
  readonly baseline?: readonly PlannedSentence[];
}

/** As many as there are unrelated sentences: enough to see how far they spread. */
const RANDOM_VECTORS = 8;

/**
 * Sentences and vectors are for generated texts: other read-outs need none. Without a tokenizer
 * there are no unrelated sentences; those that a spec names need one.
 */
export function planControls(
  spec: PatchscopeSpec,
  side: SourceSide,
  issues: SpecIssue[],
): PlannedControls {
  const has = (kind: ControlSpec["kind"]): boolean =>
    spec.controls.some((control) => control.kind === kind);
  const unpatched = has("unpatched");
  if (spec.patches?.length === 0) {
    const none = { unrelated: [], mean: [], random: 0, contrast: [] };
    return { controls: { unpatched, ...none }, warnings: [] };
  }
  if (spec.read.kind !== "generate") {
    const warnings = [
      ...(spec.controls.some((control) => "prompts" in control) ? [NO_UNRELATED] : []),
      ...(has("mean") || has("random") ? [NO_VECTORS] : []),
      ...(spec.contrast.length > 0 ? [NO_CONTRAST] : []),
    ];
    const none = { unrelated: [], mean: [], random: 0, contrast: [] };
    // Where no target runs, there is none without a patch.
    const isRun = spec.read.kind !== "neighbours";
    return { controls: { unpatched: unpatched && isRun, ...none }, warnings };
  }
  const isHeldAgainst = has("unrelated") || has("mean");
  const { others, warning } = isHeldAgainst ? planUnrelated(spec, side, issues) : { others: [] };
  const contrast = spec.contrast.map((entry, index) =>
    planContrast(entry, { ...side, path: ["contrast", index], issues }),
  );
  const controls = {
    unpatched,
    unrelated: has("unrelated") ? others : [],
    mean: has("mean") ? others : [],
    random: has("random") ? RANDOM_VECTORS : 0,
    contrast,
  };
  return { controls, warnings: warning === undefined ? [] : [warning], ...baselineOf(spec, side) };
}

/** The sentences of the control, or the built-in ones; without a tokenizer there is no round trip. */
function baselineOf(
  { read, controls }: PatchscopeSpec,
  side: SourceSide,
): Pick<PlannedControls, "baseline"> {
  if (read.kind !== "generate" || read.roundTrip !== true || !side.model.tokenizer) return {};
  const own = controls.find((control) => control.kind === "unrelated");
  // What is wrong with them is said where they are controls.
  return { baseline: planSentences(own?.prompts, side, { path: ["controls"], issues: [] }) };
}

const NO_UNRELATED = {
  code: "no-unrelated-control",
  message: "The unrelated sentences do not run: they are for the evidence of generated texts.",
};
const NO_VECTORS = {
  code: "no-vector-control",
  message: "The controls mean and random do not run: they are held against generated texts.",
};
const NO_CONTRAST = {
  code: "no-contrast",
  message: "The contrast set does not run: it is for the evidence of generated texts.",
};
