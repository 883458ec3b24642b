/**
 * `compat: { kind: pair, padding }`: prompts as the paper's code has them in a batch that it fills up on the left. Where it gives the
 * model a mask (sources, and targets whose next token is read), turned positions make padding change nothing but how positions are
 * counted. Where it generates, it gives none: tokens of padding are read like others.
 */
import type { SpecIssue } from "../errors.ts";
import type { Padding, PatchscopeSpec } from "../spec/spec.ts";
import { pieceOf, type EncodedPrompt, type PlanModel } from "./encode-prompt.ts";
import { cannotPad } from "./errors/padding.ts";
import { promptTooLong } from "./errors/prompts.ts";
import type { Side } from "./errors/references.ts";

interface Prompts {
  readonly source: EncodedPrompt;
  readonly target: EncodedPrompt;
}

/** Both prompts behind their padding; as they are where the spec has none. */
export function padded(
  { source: from, compat, read }: PatchscopeSpec,
  {
    model,
    issues,
    ...prompts
  }: Prompts & { readonly model: PlanModel; readonly issues: SpecIssue[] },
): Prompts {
  if (typeof compat !== "object") return prompts;
  const { padding } = compat;
  const isSeen = read.kind === "generate";
  if (padding.source > 0 && "file" in from) {
    issues.push(cannotPad("source", "its vectors are of a file"));
  }
  const unseen = (side: Side): EncodedPrompt =>
    withUnseen(prompts[side], { side, padding, model, issues });
  return {
    source: unseen("source"),
    target: isSeen ? withSeen(prompts.target, padding.target, { model, issues }) : unseen("target"),
  };
}

/** Whether nothing is written: what the code takes for a step of decoding. Where it reads next tokens in batches it knows better. */
export function isUnpatched({ compat, read }: PatchscopeSpec, target: readonly number[]): boolean {
  const isBatch = typeof compat === "object" && read.kind !== "generate";
  return !isBatch && target.length === 1;
}

function withUnseen(
  prompt: EncodedPrompt,
  on: {
    readonly side: Side;
    readonly padding: Padding;
    readonly model: PlanModel;
    readonly issues: SpecIssue[];
  },
): EncodedPrompt {
  const { side, padding, model, issues } = on;
  const count = padding[side];
  if (count === 0) return prompt;
  if (model.architecture.rope === undefined) {
    issues.push(cannotPad(side, `${model.name} has learned positions, and the code moves them`));
  }
  return { ...prompt, unseenPadding: count };
}

function withSeen(
  prompt: EncodedPrompt,
  count: number,
  { model, issues }: { readonly model: PlanModel; readonly issues: SpecIssue[] },
): EncodedPrompt {
  const length = prompt.tokens.length + count;
  const { maxPositions } = model.architecture;
  if (count === 0 || prompt.tokens.length === 0) return prompt;
  if (length > maxPositions) {
    issues.push(promptTooLong(length, maxPositions, ["compat", "padding", "target"]));
    return prompt;
  }
  const before = <T>(what: T, rest: readonly T[]): T[] => [
    ...Array.from({ length: count }, () => what),
    ...rest,
  ];
  const token = paddingToken(model);
  const { written, marked } = prompt;
  return {
    ...prompt,
    tokens: before(token, prompt.tokens),
    pieces: before(pieceOf(token, model.tokenizer), prompt.pieces),
    // Empty, so that no text is found in it.
    written: written && { ...written, offsets: before([0, 0], written.offsets) },
    ...(marked && { marked: marked.map((position) => position + count) }),
  };
}

/** The code's: a special token [PAD], else whatever token 0 is. */
function paddingToken({ tokenizer }: PlanModel): number {
  const [token, ...more] = tokenizer?.encode(PAD, { addBos: false }).tokens ?? [];
  const isOne = token !== undefined && more.length === 0 && tokenizer?.piece(token) === PAD;
  return isOne ? token : 0;
}

const PAD = "[PAD]";
