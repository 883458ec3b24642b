/**
 * Which controls a plan runs: the target prompt unpatched, the states of unrelated sentences and their mean, random
 * vectors, the states of a contrast set. The source's text in place of its vector is for `text-only.ts`.
 */
import type { SpecIssue } from "../errors.ts";
import type { ContrastSpec, ControlSpec, PatchscopeSpec } from "../spec/spec.ts";
import { encodePrompt, type PlanModel } from "./encode-prompt.ts";
import type { Plan, PlannedSentence } from "./plan.ts";
import { resolvePosition } from "./resolve.ts";

/** The controls of a spec, and what there is to say about those that do not run. */
export interface PlannedControls {
  readonly controls: Omit<Plan["controls"], "textOnly">;
  readonly warnings: Plan["warnings"];
  /** The unrelated sentences, where round trips need them. */
  readonly baseline?: readonly PlannedSentence[];
}

interface ControlContext {
  readonly model: PlanModel;
  readonly unrelatedSentences: readonly string[];
}

/** As many as there are unrelated sentences: enough to see how far they spread. */
const RANDOM_VECTORS = 8;

/**
 * Sentences and vectors are for generated texts: other read-outs need none. Without a tokenizer
 * there are no unrelated sentences; those that a spec names need one.
 */
export function planControls(
  spec: PatchscopeSpec,
  context: ControlContext,
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
  const isTextless = context.model.tokenizer === undefined;
  const isRoundTrip = spec.read.roundTrip === true;
  const needsSentences = has("unrelated") || has("mean") || isRoundTrip;
  const sentences = needsSentences && !isTextless ? planUnrelated(spec, context, issues) : [];
  const contrast = spec.contrast.map((entry, index) =>
    planSentence(entry, { model: context.model, path: ["contrast", index], issues }),
  );
  const controls = {
    unpatched,
    unrelated: has("unrelated") ? sentences : [],
    mean: has("mean") ? sentences : [],
    random: has("random") ? RANDOM_VECTORS : 0,
    contrast,
  };
  const warnings = needsSentences && isTextless ? [NO_TOKENIZER] : [];
  return { controls, warnings, ...(isRoundTrip ? { baseline: sentences } : {}) };
}

/** The sentences that the spec gives, or the built-in ones. */
function planUnrelated(
  spec: PatchscopeSpec,
  { model, unrelatedSentences }: ControlContext,
  issues: SpecIssue[],
): PlannedSentence[] {
  const index = spec.controls.findIndex((control) => control.kind === "unrelated");
  const control = spec.controls[index];
  const own = control?.kind === "unrelated" ? control.prompts : undefined;
  return (own ?? unrelatedSentences).map((prompt, at) => {
    const path = own === undefined ? ["controls"] : ["controls", index, "prompts", at];
    return planSentence({ prompt, position: -1 }, { model, path, issues });
  });
}

function planSentence(
  { prompt, position }: ContrastSpec,
  at: {
    readonly model: PlanModel;
    readonly path: SpecIssue["path"];
    readonly issues: SpecIssue[];
  },
): PlannedSentence {
  const { model, path, issues } = at;
  const encoded = encodePrompt({ prompt }, model, { path, issues });
  const place = { prompt: encoded, side: "source", path: [...path, "position"], issues } as const;
  return { prompt, tokens: encoded.tokens, position: resolvePosition(position, place) ?? 0 };
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
const NO_TOKENIZER = {
  code: "no-unrelated-control",
  message:
    "The model has no tokenizer, so no unrelated sentences run: evidence is against the unpatched target prompt only.",
};
