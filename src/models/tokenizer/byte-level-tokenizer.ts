/**
 * The tokenizer of a byte-level BPE vocabulary: the bytes of each word are merged.
 * Where the vocabulary comes from is the readers' (gguf-tokenizer.ts, tokenizer-json.ts).
 */
import type { Tokenizer } from "../model.ts";
import { BYTE_SYMBOLS, bytesOfSymbols } from "./byte-alphabet.ts";
import { BytePairEncoder, idsOf, rankByMerges } from "./byte-pair-encoder.ts";
import { makeTextTokenizer, type Vocabulary, type WordEncoder } from "./text-tokenizer.ts";

/** What a byte-level tokenizer is made of. Ordinary entries are written in byte symbols, special ones as they are. */
export interface ByteLevelVocabulary extends Vocabulary {
  /** "left right", best first. */
  readonly merges: readonly string[];
  readonly takesWholeWords: boolean;
}

/** The tokenizer. Its tables are built when the first text is encoded. */
export function makeByteLevelTokenizer(vocabulary: ByteLevelVocabulary): Tokenizer {
  const { entries, merges } = vocabulary;
  return makeTextTokenizer(vocabulary, {
    bytesOf: bytesOfSymbols,
    makeEncoder: () =>
      byteLevelEncoder(new BytePairEncoder(idsOf(entries), rankByMerges(merges), vocabulary)),
  });
}

/** Bytes that are no entry of the vocabulary are dropped, as the reference does. */
function byteLevelEncoder(pairs: BytePairEncoder): WordEncoder {
  return (word, emit) => {
    const symbols: string[] = [];
    /** Of each symbol, the units of its character. */
    const starts: number[] = [];
    const ends: number[] = [];
    let at = 0;
    for (const character of word) {
      for (const byte of utf8Bytes(character)) {
        const symbol = BYTE_SYMBOLS[byte] ?? "";
        if (pairs.idOf(symbol) === undefined) continue;
        symbols.push(symbol);
        starts.push(at);
        ends.push(at + character.length);
      }
      at += character.length;
    }
    let first = 0;
    for (const entry of pairs.encode(symbols)) {
      const last = first + entry.length - 1; // a symbol is one UTF-16 unit
      emit(pairs.idOf(entry) ?? 0, starts[first] ?? at, ends[last] ?? at);
      first = last + 1;
    }
  };
}

const encoder = new TextEncoder();

function utf8Bytes(character: string): Iterable<number> {
  const code = character.charCodeAt(0);
  return code < 0x80 ? [code] : encoder.encode(character);
}
