/**
 * A prompt as tokens: texts and messages through the model's tokenizer, token ids as given.
 * What is wrong is added to the caller's issues.
 */
import type { BlockKind } from "../engine/architecture.ts";
import { PatchscopesError, type SpecIssue } from "../errors.ts";
import type { ChatMessage, Prompt } from "../spec/spec.ts";
import {
  emptyPrompt,
  markerWithoutText,
  needsTokenizer,
  promptTooLong,
  tokenOutOfVocabulary,
} from "./errors/prompts.ts";
import { findMarked, withPlaceholders, type MarkedText, type Marking } from "./markers.ts";
import type { PlannedPrompt } from "./plan.ts";
import { writtenBy, type Span, type WrittenText } from "./texts.ts";

/** What a plan needs of a tokenizer: a part of the `Tokenizer` of `models/`. */
export interface PromptTokenizer {
  readonly vocabSize: number;
  /** Beginning of sequence, when the tokenizer adds one by default. */
  readonly bos: number | undefined;
  /** Offsets are `[start, end)` in UTF-16 code units; tokens that hold parts of one character all span it. */
  encode(
    text: string,
    options?: { readonly addBos?: boolean },
  ): {
    readonly tokens: readonly number[];
    readonly offsets: readonly Span[];
  };
  /** One token as text. */
  piece(token: number): string;
  /** Renders messages by the model's chat template. Throws `spec-invalid` where the model has none. */
  chat(messages: readonly ChatMessage[]): string;
}

/** What a plan needs of a model: a part of the `Model` of `models/`. */
export interface PlanModel {
  readonly name: string;
  readonly architecture: {
    readonly layers: number;
    readonly hiddenSize: number;
    readonly vocabSize: number;
    readonly maxPositions: number;
    readonly block: BlockKind;
    /** Without it positions are learned. */
    readonly rope?: object | undefined;
    readonly window: { readonly size: number; readonly layers: ReadonlySet<number> } | undefined;
  };
  readonly tokenizer: PromptTokenizer | undefined;
}

export interface EncodedPrompt extends PlannedPrompt {
  /** The text behind the tokens, and where each stands in it; absent without a tokenizer. */
  readonly written: WrittenText | undefined;
  /** How many positions there are, where they are not those of the tokens: a file of vectors may have none. */
  readonly count?: number;
  /** The tokens of the placeholders that markers became. */
  readonly marked?: readonly number[];
  /** How many tokens positions from 0 on are counted from before the first one. */
  readonly unseenPadding?: number;
}

/** Encodes a prompt; without tokens, and with an issue, where that cannot be done. */
export function encodePrompt(
  prompt: Prompt,
  model: PlanModel,
  at: {
    readonly path: SpecIssue["path"];
    readonly issues: SpecIssue[];
    /** Where the vector goes, where the prompt says it itself. */
    readonly marked?: Marking | undefined;
  },
): EncodedPrompt {
  const before = at.issues.length;
  const encoded =
    "tokens" in prompt
      ? encodeTokens(prompt.tokens, model, at)
      : encodeText(prompt, model.tokenizer, at);
  if (at.issues.length > before) return NOTHING;
  const count = encoded.tokens.length;
  const { maxPositions } = model.architecture;
  if (count === 0) at.issues.push(emptyPrompt(at.path));
  if (count > maxPositions) at.issues.push(promptTooLong(count, maxPositions, at.path));
  return encoded;
}

const NOTHING: EncodedPrompt = { tokens: [], pieces: [], written: undefined };

type At = Parameters<typeof encodePrompt>[2];

function encodeTokens(tokens: readonly number[], model: PlanModel, at: At): EncodedPrompt {
  const { tokenizer } = model;
  const { vocabSize } = model.architecture;
  if (at.marked) at.issues.push(markerWithoutText([...at.path, "position"]));
  for (const [index, token] of tokens.entries()) {
    if (token >= vocabSize) {
      at.issues.push(tokenOutOfVocabulary(token, vocabSize, [...at.path, "tokens", index]));
    }
  }
  const pieces = tokens.map((token) => pieceOf(token, tokenizer));
  return { tokens, pieces, written: tokenizer && writtenBy(pieces) };
}

/** A token as text; the rows of an embedding are often padded beyond the tokenizer's vocabulary. */
export function pieceOf(token: number, tokenizer: PromptTokenizer | undefined): string {
  return tokenizer === undefined || token >= tokenizer.vocabSize
    ? `<${token}>`
    : tokenizer.piece(token);
}

function encodeText(
  prompt: Exclude<Prompt, { readonly tokens: unknown }>,
  tokenizer: PromptTokenizer | undefined,
  at: At,
): EncodedPrompt {
  const field = "prompt" in prompt ? "prompt" : "messages";
  if (tokenizer === undefined) {
    at.issues.push(
      needsTokenizer(`a prompt given as ${field}`, "Give its token ids as tokens.", [
        ...at.path,
        field,
      ]),
    );
    return NOTHING;
  }
  try {
    const given = "prompt" in prompt ? prompt.prompt : tokenizer.chat(prompt.messages);
    const { text, starts }: MarkedText = at.marked
      ? withPlaceholders(given, at.marked, at)
      : { text: given, starts: [] };
    // A chat template writes the beginning of sequence itself.
    const { tokens, offsets } = tokenizer.encode(text, { addBos: "prompt" in prompt });
    const pieces = tokens.map((token) => tokenizer.piece(token));
    const encoded = { tokens, pieces, written: { text, offsets } };
    if (at.marked === undefined) return encoded;
    return { ...encoded, marked: findMarked(encoded, starts, at.marked, at) };
  } catch (error) {
    if (!(error instanceof PatchscopesError) || error.issues.length === 0) throw error;
    for (const issue of error.issues) {
      at.issues.push({ ...issue, path: [...at.path, field, ...issue.path] });
    }
    return NOTHING;
  }
}
