/** What stands in the source's place where a read-out is held against others: sentences' states, or other vectors of its file. */
import type { SpecIssue } from "../errors.ts";
import type { ContrastPrompt, ContrastSpec, PatchscopeSpec } from "../spec/spec.ts";
import { encodePrompt, type PlanModel } from "./encode-prompt.ts";
import {
  noFileOfSource,
  otherNotInFile,
  otherVectorOf,
  sentencesOfOtherWidth,
} from "./errors/vectors.ts";
import type { Plan, PlannedOther, PlannedOtherVector, PlannedSentence } from "./plan.ts";
import { resolvePosition } from "./resolve.ts";
import { isOfOtherNetwork } from "./vector-widths.ts";
import type { PlannedVectors } from "./vectors.ts";

/** What is known of the source's side. */
export interface SourceSide {
  readonly model: PlanModel;
  /** The built-in sentences. */
  readonly unrelatedSentences: readonly string[];
  /** The file that the source's vectors come from, where they come from one. */
  readonly vectors: PlannedVectors | undefined;
}

interface At {
  readonly path: SpecIssue["path"];
  readonly issues: SpecIssue[];
}

/** The unrelated ones, and why there are none. */
interface Others {
  readonly others: readonly PlannedOther[];
  readonly warning?: Plan["warnings"][number] | undefined;
}

// As many as there are unrelated sentences: enough to see how far they spread.
const OTHER_VECTORS = 8;

/**
 * What is unrelated to the source: sentences, or the other vectors of its file where the spec says so, and where the states of
 * a text are nothing like them.
 */
export function planUnrelated(spec: PatchscopeSpec, side: SourceSide, issues: SpecIssue[]): Others {
  const { model, vectors } = side;
  const index = spec.controls.findIndex((control) => control.kind === "unrelated");
  const control = spec.controls[index];
  const asked = control?.kind === "unrelated" ? control : undefined;
  const path = ["controls", index];
  if (asked?.from === "file" && vectors === undefined) {
    // A file that was not read is an issue already.
    if (!("file" in spec.source)) issues.push(noFileOfSource([...path, "from"]));
    return { others: [] };
  }
  const isForeign = isOfOtherNetwork(vectors, model);
  if (vectors !== undefined && (isForeign || asked?.from === "file")) {
    if (asked?.prompts !== undefined) {
      const widths = { source: vectors.width, model: model.architecture.hiddenSize };
      issues.push(sentencesOfOtherWidth("control", widths, [...path, "prompts"]));
    }
    return otherVectors(vectors, spec);
  }
  if (model.tokenizer === undefined) return { others: [], warning: NO_TOKENIZER };
  return { others: planSentences(asked?.prompts, side, { path: [...path, "prompts"], issues }) };
}

/** The sentences that the spec gives, or the built-in ones. */
export function planSentences(
  own: readonly string[] | undefined,
  { model, unrelatedSentences }: SourceSide,
  { path, issues }: At,
): readonly PlannedSentence[] {
  return (own ?? unrelatedSentences).map((prompt, at) =>
    planSentence(
      { prompt, position: -1 },
      { model, path: own === undefined ? ["controls"] : [...path, at], issues },
    ),
  );
}

/** Evenly spread over the other items, or positions. Where one cell reads several positions, the others are its own. */
function otherVectors(
  { item, items, positions = 1 }: PlannedVectors,
  spec: PatchscopeSpec,
): Others {
  const isSeveral = item === undefined && readsSeveral(spec);
  if (isSeveral) return { others: [], warning: SEVERAL };
  const count = items ?? positions;
  if (count < 2) return { others: [], warning: NO_OTHERS };
  const some = Math.min(count - 1, OTHER_VECTORS);
  const others = Array.from({ length: some }, (_, index): PlannedOtherVector => {
    const behind = Math.round(((index + 1) * count) / (some + 1));
    return item === undefined ? { behind } : { item: (item + behind) % count };
  });
  return { others };
}

function readsSeveral({ source: { position }, patches }: PatchscopeSpec): boolean {
  return patches !== undefined || (typeof position === "object" && "together" in position);
}

/** A source of the same kind as the source's. */
export function planContrast(
  entry: ContrastSpec,
  { model, vectors, path, issues }: SourceSide & At,
): PlannedOther {
  if ("prompt" in entry) {
    if (isOfOtherNetwork(vectors, model)) {
      const widths = { source: vectors.width, model: model.architecture.hiddenSize };
      issues.push(sentencesOfOtherWidth("contrast", widths, path));
    }
    return planSentence(entry, { model, path, issues });
  }
  const axis = "item" in entry ? "item" : "position";
  if (vectors === undefined) {
    issues.push(otherVectorOf({ axis, source: "prompt", path }));
    return entry;
  }
  const { item, items, positions = 1 } = vectors;
  const own = item === undefined ? "position" : "item";
  if (own !== axis) issues.push(otherVectorOf({ axis, source: own, path }));
  const [at, count] = "item" in entry ? [entry.item, items ?? 1] : [entry.position, positions];
  if (own === axis && at >= count) issues.push(otherNotInFile(axis, at, count, [...path, axis]));
  return entry;
}

function planSentence(
  { prompt, position }: ContrastPrompt,
  { model, path, issues }: At & { readonly model: PlanModel },
): PlannedSentence {
  const encoded = encodePrompt({ prompt }, model, { path, issues });
  const place = { prompt: encoded, side: "source", path: [...path, "position"], issues } as const;
  return { prompt, tokens: encoded.tokens, position: resolvePosition(position, place) ?? 0 };
}

const NO_TOKENIZER = {
  code: "no-unrelated-control",
  message:
    "The model has no tokenizer, so no unrelated sentences run: evidence is against the unpatched target prompt only.",
};
const NO_OTHERS = {
  code: "no-unrelated-control",
  message:
    "The file has no other vector to hold this one against: evidence is against the unpatched target prompt only. A file of several, with item, has.",
};
const SEVERAL = {
  code: "no-unrelated-control",
  message:
    "Several vectors of the file are written together, so that none are left to hold them against: evidence is against the unpatched target prompt only. With one tensor [items, positions, hidden] and item, other items are.",
};
