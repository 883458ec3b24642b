/**
 * The control `text-only`: the target prompt with the source's text in the place of the patched token, or a text of its
 * own in the place of the whole prompt, so that one sees whether the text alone would have done.
 */
import type { PatchscopeSpec, Prompt, VectorFile } from "../spec/spec.ts";
import { spelled } from "./cross-model.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import type { Plan, PlannedCell, PlannedText } from "./plan.ts";

/** The text, where it was asked for and there is one place for it; and why not, where there is none. */
export interface PlannedTextOnly {
  readonly textOnly: PlannedText | undefined;
  readonly warnings: Plan["warnings"];
}

interface TextOnlyContext {
  /** The target's. */
  readonly model: PlanModel;
  readonly sourceModel: PlanModel;
  readonly source: EncodedPrompt;
  readonly target: EncodedPrompt;
  readonly cells: readonly PlannedCell[];
}

/** Puts the source's tokens, without a beginning of sequence, into the target prompt; or takes the control's own text. */
export function planTextOnly(spec: PatchscopeSpec, context: TextOnlyContext): PlannedTextOnly {
  const control = spec.controls.find((each) => each.kind === "text-only");
  if (control === undefined) return NOTHING;
  if (spec.read.kind === "neighbours") return notRun(NO_TARGET);
  if (spec.interventions.length > 0) return notRun(ELSEWHERE);
  return control.prompt === undefined
    ? planInserted(spec, context)
    : planOwn(control.prompt, context.model);
}

/** A text of the control's own, read to its end. */
function planOwn(prompt: string, { tokenizer, architecture }: PlanModel): PlannedTextOnly {
  if (tokenizer === undefined) return notRun(NO_TOKENIZER);
  const { tokens } = tokenizer.encode(prompt);
  const { maxPositions } = architecture;
  if (tokens.length > maxPositions) return notRun(tooLong("its text", tokens.length, maxPositions));
  const textOnly = {
    tokens,
    pieces: tokens.map((token) => tokenizer.piece(token)),
    positions: [],
    readAt: tokens.length - 1,
  };
  return { textOnly, warnings: [] };
}

function planInserted(spec: PatchscopeSpec, context: TextOnlyContext): PlannedTextOnly {
  const { model, target, cells } = context;
  const positions = new Set(cells.flatMap(({ writes }) => writes.map(({ to }) => to.position)));
  const [position] = positions;
  if (position === undefined || positions.size > 1) return notRun(SEVERAL_PLACES);
  const inserted = insertedText(spec, context, position);
  if (inserted.tokens.length === 0) return notRun(NO_TEXT);
  const put = <T>(into: readonly T[], what: readonly T[]): T[] => [
    ...into.slice(0, position),
    ...what,
    ...into.slice(position + 1),
  ];
  const tokens = put(target.tokens, inserted.tokens);
  const { maxPositions } = model.architecture;
  if (tokens.length > maxPositions) {
    const text = "with the source's text the target prompt";
    return notRun(tooLong(text, tokens.length, maxPositions));
  }
  const readAt = cells[0]?.readAt ?? 0;
  const textOnly = {
    tokens,
    pieces: put(target.pieces, inserted.pieces),
    positions: inserted.tokens.map((_, index) => position + index),
    readAt: readAt < position ? readAt : readAt + inserted.tokens.length - 1,
  };
  return { textOnly, warnings: [] };
}

/** The source as it reads in the middle of a text: with the space before it that the placeholder has. */
function insertedText(
  spec: PatchscopeSpec,
  { model, sourceModel, source, target }: TextOnlyContext,
  position: number,
): Pick<PlannedText, "tokens" | "pieces"> {
  const { tokenizer } = model;
  const isAcross = sourceModel !== model;
  const prompt = textOf(spec.source, isAcross ? spelled(source, sourceModel) : undefined);
  if (prompt === undefined || tokenizer === undefined) {
    // Another model's tokens say nothing here.
    if (isAcross) return { tokens: [], pieces: [] };
    const skipped = source.tokens.length > 1 && source.tokens[0] === tokenizer?.bos ? 1 : 0;
    return { tokens: source.tokens.slice(skipped), pieces: source.pieces.slice(skipped) };
  }
  const encode = (text: string): readonly number[] =>
    tokenizer.encode(text, { addBos: false }).tokens;
  const plain = encode(prompt);
  const begins = (piece: string): boolean => piece.startsWith(" ");
  const needsSpace =
    plain.length > 0 &&
    begins(target.pieces[position] ?? "") &&
    !begins(tokenizer.piece(plain[0] ?? 0));
  const tokens = needsSpace ? encode(` ${prompt}`) : plain;
  return { tokens, pieces: tokens.map((token) => tokenizer.piece(token)) };
}

/** The source as a text: as it was given; what another model can read of messages is what they say. */
function textOf(prompt: Prompt | VectorFile, spelledOut: string | undefined): string | undefined {
  if ("prompt" in prompt) return prompt.prompt;
  if (spelledOut === undefined || !("messages" in prompt)) return spelledOut;
  return prompt.messages.map(({ content }) => content).join("\n");
}

const NOTHING: PlannedTextOnly = { textOnly: undefined, warnings: [] };

const SEVERAL_PLACES =
  "The control text-only does not run: it needs a single position of the target to put the text at.";
const NO_TARGET = "The control text-only does not run: neighbours are read without a target.";
const ELSEWHERE =
  "The control text-only does not run: the interventions' positions are not those of a prompt with the source's text in it.";
const NO_TEXT = "The control text-only does not run: the source has no text.";

const NO_TOKENIZER =
  "The control text-only does not run: the model has no tokenizer to read its text with.";

function tooLong(text: string, count: number, maxPositions: number): string {
  return `The control text-only does not run: ${text} has ${count} tokens; the model was made for at most ${maxPositions}.`;
}

function notRun(message: string): PlannedTextOnly {
  return { textOnly: undefined, warnings: [{ code: "no-text-only", message }] };
}
