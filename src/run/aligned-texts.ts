/**
 * The same text in the tokens of two models, and which of them end at the same character: there both have read the
 * same, so their states are a pair. What maps between two models are fitted on.
 */
import type { PromptTokenizer } from "../plan/encode-prompt.ts";
import { PIECE_TOKENS } from "./fit-texts.ts";

/** A piece of text as two models read it. */
export interface AlignedText {
  readonly source: readonly number[];
  readonly target: readonly number[];
  /** Positions whose tokens end at the same character, first tokens left out: those are attention sinks. */
  readonly pairs: readonly (readonly [source: number, target: number])[];
  /** Tokens of the longer of the two. */
  readonly length: number;
}

type Tokenizer = Pick<PromptTokenizer, "encode">;

/** Cuts a text to pieces that a pass holds and aligns each; pieces without a pair are left out. */
export function alignedTexts(text: string, source: Tokenizer, target: Tokenizer): AlignedText[] {
  const ends = source.encode(text).offsets.map(([, end]) => end);
  const count = Math.ceil(ends.length / PIECE_TOKENS);
  const cuts = Array.from({ length: count }, (_, index) => ends[index * PIECE_TOKENS - 1] ?? 0);
  return cuts
    .map((from, index) => alignedText(text.slice(from, cuts[index + 1]), source, target))
    .filter(({ pairs }) => pairs.length > 0);
}

function alignedText(text: string, source: Tokenizer, target: Tokenizer): AlignedText {
  const [own, other] = [source.encode(text), target.encode(text)];
  const endsOf = ({ offsets }: typeof own): Map<number, number> =>
    // Of several tokens that hold parts of one character the last one has read all of it.
    new Map(offsets.flatMap(([start, end], index) => (start < end ? [[end, index]] : [])));
  const byEnd = endsOf(other);
  const pairs = [...endsOf(own)].flatMap(([end, position]) => {
    const counterpart = byEnd.get(end);
    return position > 0 && counterpart !== undefined && counterpart > 0
      ? [[position, counterpart] as const]
      : [];
  });
  const { length } = own.tokens.length > other.tokens.length ? own.tokens : other.tokens;
  return { source: own.tokens, target: other.tokens, pairs, length };
}
