/**
 * What all tokenizers share: added tokens are cut out, the rest is spelled as the vocabulary wants it and cut into
 * words, each word becomes tokens, and tokens become bytes again. What a word becomes is the encoder's.
 */
import type { ChatMessage, Encoding, Offset, Tokenizer } from "../model.ts";
import { AlignedText, type NormalizeStep } from "./aligned-text.ts";
import { renderChat, type ChatTemplate } from "./chat-template.ts";
import {
  cutWords,
  SpecialSplitter,
  type CutStep,
  type Segment,
  type Strip,
} from "./pre-tokenize.ts";

/** What a vocabulary declares, whatever its kind. */
export interface Vocabulary {
  /** By id; "" where an id is not taken. */
  readonly entries: readonly string[];
  /** The tokens that are found in a text before it is cut, and shown as they are. */
  readonly specials: readonly number[];
  /** Those of them that take white space around them along. */
  readonly strips?: ReadonlyMap<number, Strip>;
  readonly normalizers: readonly NormalizeStep[];
  readonly steps: readonly CutStep[];
  /** Added before every text by default. */
  readonly bos: number | undefined;
  readonly endTokens: ReadonlySet<number>;
  readonly chatTemplate: ChatTemplate | undefined;
}

/** Turns a word into tokens: calls `emit` for each with the UTF-16 units `[start, end)` of the word that it covers. */
export type WordEncoder = (
  word: string,
  emit: (token: number, start: number, end: number) => void,
) => void;

/** What one kind of vocabulary does its own way. */
export interface TokenModel {
  /** Made when the first text is encoded: tables take time. */
  readonly makeEncoder: () => WordEncoder;
  /** The bytes that an ordinary entry stands for. */
  readonly bytesOf: (entry: string, token: number) => Iterable<number>;
  /** A segment of the text before it is cut; the text's own normalizers are applied already. */
  readonly prepare?: (text: AlignedText, segment: Segment) => AlignedText;
}

/** The tokenizer. */
export function makeTextTokenizer(vocabulary: Vocabulary, model: TokenModel): Tokenizer {
  const { entries, bos, steps, normalizers } = vocabulary;
  const specialIds = new Set(vocabulary.specials);
  const specials = new Map(vocabulary.specials.map((id) => [entries[id] ?? "", id]));
  const splitter = new SpecialSplitter(specials.keys(), (content) =>
    vocabulary.strips?.get(specials.get(content) ?? -1),
  );
  const utf8 = new TextEncoder();
  const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  // Results name the same tokens again and again.
  const pieces = new Map<number, string>();
  let encodeWord: WordEncoder | undefined;

  const bytesOf = (token: number): Iterable<number> => {
    const entry = entries[token];
    if (entry === undefined) return utf8.encode(`<${token}>`);
    return specialIds.has(token) ? utf8.encode(entry) : model.bytesOf(entry, token);
  };
  const decode = (tokens: readonly number[]): string => {
    const bytes = tokens.flatMap((token) => [...bytesOf(token)]);
    return fromUtf8.decode(Uint8Array.from(bytes));
  };
  const pieceOf = (token: number): string => {
    const piece = pieces.get(token) ?? decode([token]);
    pieces.set(token, piece);
    return piece;
  };
  const encode = (text: string, options?: { readonly addBos?: boolean }): Encoding => {
    const encoder = (encodeWord ??= model.makeEncoder());
    const tokens: number[] = [];
    const offsets: Offset[] = [];
    if (bos !== undefined && options?.addBos !== false) {
      tokens.push(bos);
      offsets.push([0, 0]);
    }
    for (const segment of splitter.split(text)) {
      if (segment.special !== false) {
        tokens.push(specials.get(segment.special) ?? 0);
        offsets.push([segment.start, segment.start + segment.text.length]);
        continue;
      }
      const spelled = normalizers.reduce(
        (aligned, step) => aligned.apply(step),
        AlignedText.of(segment.text, segment.start),
      );
      const prepared = model.prepare?.(spelled, segment) ?? spelled;
      for (const word of cutWords({ text: prepared.text, start: 0, special: false }, steps)) {
        encoder(word.text, (token, start, end) => {
          tokens.push(token);
          offsets.push(prepared.span(word.start + start, word.start + end));
        });
      }
    }
    return { tokens, offsets };
  };
  return {
    vocabSize: entries.length,
    bos,
    endTokens: vocabulary.endTokens,
    encode,
    decode,
    piece: pieceOf,
    chat: (messages: readonly ChatMessage[]) => renderChat(vocabulary.chatTemplate, messages),
  };
}
