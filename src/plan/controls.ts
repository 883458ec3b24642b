/** Which controls a plan runs: the target prompt unpatched, and the states of unrelated sentences. */
import type { SpecIssue } from "../errors.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { encodePrompt, type PlanModel } from "./encode-prompt.ts";
import type { Plan } from "./plan.ts";

/** The controls of a spec, and what there is to say about those that do not run. */
export interface PlannedControls {
  readonly controls: Plan["controls"];
  readonly warnings: Plan["warnings"];
}

/**
 * Unrelated sentences are there for the evidence of generated texts: reading the next token needs none, and
 * without a tokenizer there are none.
 */
export function planControls(
  spec: PatchscopeSpec,
  context: { readonly model: PlanModel; readonly unrelatedSentences: readonly string[] },
  issues: SpecIssue[],
): PlannedControls {
  const { model, unrelatedSentences } = context;
  const unpatched = spec.controls.some((control) => control.kind === "unpatched");
  const index = spec.controls.findIndex((control) => control.kind === "unrelated");
  const control = spec.controls[index];
  const none = { unpatched, unrelated: [] };
  if (control?.kind !== "unrelated") return { controls: none, warnings: [] };
  if (spec.read.kind === "next-token") {
    return { controls: none, warnings: control.prompts === undefined ? [] : [NOTHING_GENERATED] };
  }
  if (model.tokenizer === undefined) return { controls: none, warnings: [NO_TOKENIZER] };
  const sentences = control.prompts ?? unrelatedSentences;
  const unrelated = sentences.map((prompt, at) => {
    const path = ["controls", index, "prompts", at];
    return { prompt, tokens: encodePrompt({ prompt }, model, { path, issues }).tokens };
  });
  return { controls: { unpatched, unrelated }, warnings: [] };
}

const NOTHING_GENERATED = {
  code: "no-unrelated-control",
  message: "The unrelated sentences do not run: they are for the evidence of generated texts.",
};
const NO_TOKENIZER = {
  code: "no-unrelated-control",
  message:
    "The model has no tokenizer, so no unrelated sentences run: evidence is against the unpatched target prompt only.",
};
