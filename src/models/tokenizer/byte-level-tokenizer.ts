/**
 * The tokenizer of a byte-level BPE vocabulary: special tokens are cut out, words are cut, bytes are merged.
 * Where the vocabulary comes from is the readers' (gguf-tokenizer.ts, tokenizer-json.ts).
 */
import type { ChatMessage, Encoding, Offset, Tokenizer } from "../model.ts";
import { BYTE_SYMBOLS, bytesOfSymbols } from "./byte-alphabet.ts";
import { BytePairEncoder } from "./byte-pair-encoder.ts";
import { renderChat, type ChatTemplate } from "./chat-template.ts";
import { cutWords, SpecialSplitter, type CutStep, type Segment } from "./pre-tokenize.ts";

/** What a byte-level tokenizer is made of. */
export interface ByteLevelVocabulary {
  /** By id. Ordinary ones are written in byte symbols, special ones as they are; "" where an id is not taken. */
  readonly entries: readonly string[];
  /** Ids of the tokens that are found in a text before it is cut, and shown as they are. */
  readonly specials: readonly number[];
  /** "left right", best first. */
  readonly merges: readonly string[];
  readonly takesWholeWords: boolean;
  readonly steps: readonly CutStep[];
  /** Added before every text by default. */
  readonly bos: number | undefined;
  readonly endTokens: ReadonlySet<number>;
  readonly chatTemplate: ChatTemplate | undefined;
}

/** The tokenizer. Its tables are built when the first text is encoded. */
export function makeByteLevelTokenizer(vocabulary: ByteLevelVocabulary): Tokenizer {
  const { entries, bos } = vocabulary;
  const specialIds = new Set(vocabulary.specials);
  const specials = new Map(vocabulary.specials.map((id) => [entries[id] ?? "", id]));
  const splitter = new SpecialSplitter(specials.keys());
  const utf8 = new TextEncoder();
  let encoder: BytePairEncoder | undefined;

  const bytesOf = (token: number): Iterable<number> => {
    const entry = entries[token];
    if (entry === undefined) return utf8.encode(`<${token}>`);
    return specialIds.has(token) ? utf8.encode(entry) : bytesOfSymbols(entry);
  };
  const decode = (tokens: readonly number[]): string => {
    const bytes = tokens.flatMap((token) => [...bytesOf(token)]);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  };
  const encode = (text: string, options?: { readonly addBos?: boolean }): Encoding => {
    encoder ??= new BytePairEncoder(entries, vocabulary.merges, vocabulary);
    const tokens: number[] = [];
    const offsets: Offset[] = [];
    if (bos !== undefined && options?.addBos !== false) {
      tokens.push(bos);
      offsets.push([0, 0]);
    }
    for (const segment of splitter.split(text)) {
      if (segment.special) {
        tokens.push(specials.get(segment.text) ?? 0);
        offsets.push([segment.start, segment.start + segment.text.length]);
        continue;
      }
      for (const word of cutWords(segment, vocabulary.steps)) {
        encodeWord(word, encoder, tokens, offsets);
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
    piece: (token) => decode([token]),
    chat: (messages: readonly ChatMessage[]) => renderChat(vocabulary.chatTemplate, messages),
  };
}

/** Appends a word's tokens. Bytes that are no entry of the vocabulary are dropped, as the reference does. */
function encodeWord(
  word: Segment,
  encoder: BytePairEncoder,
  tokens: number[],
  offsets: Offset[],
): void {
  const symbols: string[] = [];
  const spans: Offset[] = [];
  let at = word.start;
  for (const character of word.text) {
    const span: Offset = [at, at + character.length];
    for (const byte of utf8Bytes(character)) {
      const symbol = BYTE_SYMBOLS[byte] ?? "";
      if (encoder.idOf(symbol) === undefined) continue;
      symbols.push(symbol);
      spans.push(span);
    }
    at += character.length;
  }
  let first = 0;
  for (const entry of encoder.encode(symbols)) {
    const last = first + entry.length - 1; // a symbol is one UTF-16 unit
    tokens.push(encoder.idOf(entry) ?? 0);
    offsets.push([spans[first]?.[0] ?? at, spans[last]?.[1] ?? at]);
    first = last + 1;
  }
}

const encoder = new TextEncoder();

function utf8Bytes(character: string): Iterable<number> {
  const code = character.charCodeAt(0);
  return code < 0x80 ? [code] : encoder.encode(character);
}
