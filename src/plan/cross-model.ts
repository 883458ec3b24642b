/**
 * What a plan asks where the target runs in another model than the source: the same text in other tokens, the same
 * place in it, the same depth, and whether states fit at all without a map.
 */
import type { SpecIssue } from "../errors.ts";
import type { LayerName, PatchscopeSpec, Prompt } from "../spec/spec.ts";
import type { Resolvable } from "./cells.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import {
  compatAcross,
  mapOfWidthsNeeded,
  namedBehindMap,
  noCounterpart,
  otherText,
} from "./errors/cross-model.ts";
import { needsTokenizer } from "./errors/prompts.ts";
import type { Plan, Write } from "./plan.ts";
import { tokenWithEnd, type Span } from "./texts.ts";

type Models = NonNullable<Plan["models"]>;
type Warning = Plan["warnings"][number];

/**
 * The prompt of the source for another model: its text, or its messages, which that model's own template renders.
 * Token ids become the text that they spell; without a tokenizer that is an issue.
 */
export function sameAcross(
  prompt: Prompt,
  source: EncodedPrompt,
  { model, issues }: { readonly model: PlanModel; readonly issues: SpecIssue[] },
): Prompt | undefined {
  if (!("tokens" in prompt)) return prompt;
  if (model.tokenizer === undefined) {
    const instead = "Give the target's own token ids as tokens.";
    issues.push(needsTokenizer("prompt: same for another model", instead, ["target", "prompt"]));
    return undefined;
  }
  return { prompt: spelled(source, model) };
}

/** The text that tokens spell, without a beginning of sequence: the other model has its own. */
export function spelled(
  { tokens, pieces }: EncodedPrompt,
  { tokenizer }: Pick<PlanModel, "tokenizer">,
): string {
  if (tokenizer === undefined) return "";
  return pieces.slice(tokens.length > 1 && tokens[0] === tokenizer.bos ? 1 : 0).join("");
}

/** The layer at the same relative depth: as many blocks out of all have run, to the nearest. */
export function atSameDepth(layer: LayerName, models: Plan["models"]): LayerName {
  if (models === undefined || layer === "embedding") return layer;
  const { source, target } = models;
  return Math.max(0, Math.round(((layer + 1) * target.layers) / source.layers) - 1);
}

/** For each position of the source, the target's token that holds the last character of its token. */
export function alignedPositions(
  { source, target, issues }: Resolvable,
  positions: readonly number[],
): ReadonlyMap<number, number> {
  const path = ["target", "position"];
  const aligned = new Map<number, number>();
  // A prompt without tokens already is an issue.
  if (source.tokens.length === 0 || target.tokens.length === 0) return aligned;
  if (source.written === undefined || target.written === undefined) {
    const instead = "Give the target's position as an index.";
    issues.push(needsTokenizer("position: same in another model", instead, path));
    return aligned;
  }
  if (source.written.text !== target.written.text) {
    issues.push(otherText(path));
    return aligned;
  }
  for (const position of positions) {
    const counterpart = counterpartOf(position, source.written.offsets, target.written.offsets);
    if (counterpart === undefined) {
      issues.push(noCounterpart(position, source.pieces[position] ?? "", path));
      return aligned;
    }
    aligned.set(position, counterpart);
  }
  return aligned;
}

/** A beginning of sequence, which holds no character, goes to the first token: both are attention sinks. */
function counterpartOf(
  position: number,
  from: readonly Span[],
  to: readonly Span[],
): number | undefined {
  const [start, end] = from[position] ?? [0, 0];
  if (start === end) return position === 0 ? 0 : undefined;
  const found = tokenWithEnd(end, to);
  return found < 0 ? undefined : found;
}

/** Whether a spec's states go through a map from a file. */
export function isMapped({ mapping }: PatchscopeSpec): boolean {
  return [mapping].flat().some(({ kind }) => kind === "file");
}

/** States of another width cannot be written as they are, nor mixed with others once they are mapped. */
export function mapNeeded(spec: PatchscopeSpec, { source, target }: Models): readonly SpecIssue[] {
  if (spec.compat !== undefined) return [compatAcross()];
  if (source.hiddenSize === target.hiddenSize) return [];
  if (!isMapped(spec)) return [mapOfWidthsNeeded(source, target)];
  return mixedBehindMap(spec);
}

/** Behind a map to another width, vectors of the source's kind can be mixed in no more. */
export function mixedBehindMap({ mapping }: PatchscopeSpec): readonly SpecIssue[] {
  const steps = [mapping].flat();
  const map = steps.findIndex(({ kind }) => kind === "file");
  const late = steps.findIndex((step, at) => at > map && ("with" in step || "onto" in step));
  return late < 0 ? [] : [namedBehindMap(late)];
}

/** Of the same width, they can; that they mean the same is unlikely. */
export function unmappedStates(spec: PatchscopeSpec, models: Models): Warning | undefined {
  if (isMapped(spec)) return undefined;
  const { source, target } = models;
  return {
    code: "no-map",
    message: `States of ${source.name} are written into ${target.name} without a map: unless one was trained from the other, they mean nothing there. patchscopes fit --to-model learns one.`,
  };
}

/** Tokens that hold the same last character and end at different ones: the target's then holds more of the text. */
export function unlikeEnds(
  { spec, source, target }: Resolvable,
  writes: readonly Write[],
): Warning | undefined {
  if (spec.target.position !== "same" || spec.patches !== undefined) return undefined;
  const endOf = ({ written }: EncodedPrompt, position: number): number | undefined =>
    written?.offsets[position]?.[1];
  const unlike = writes.find(
    ({ from, to }) => endOf(source, from.position) !== endOf(target, to.position),
  );
  if (unlike === undefined) return undefined;
  const [own, other] = [source.pieces[unlike.from.position], target.pieces[unlike.to.position]];
  return {
    code: "tokens-differ",
    message: `The two tokenizers cut the text differently: the token ${JSON.stringify(own)} of the source ends inside ${JSON.stringify(other)} of the target.`,
  };
}
