/**
 * The tokenizer of a SentencePiece vocabulary: pieces of text in which "▁" stands for a space, and a token for each
 * byte where the vocabulary falls back to bytes. Where it comes from is the readers'.
 */
import type { Tokenizer } from "../model.ts";
import type { AlignedText } from "./aligned-text.ts";
import { BytePairEncoder, idsOf, type MergeRank } from "./byte-pair-encoder.ts";
import { makeTextTokenizer, type Vocabulary, type WordEncoder } from "./text-tokenizer.ts";
import { bestPieces } from "./unigram.ts";

/** The space of SentencePiece. */
export const SPACE = "▁";

/**
 * Where a space is put in front if none stands there: nowhere, at the beginning of the text, or of each stretch
 * between special tokens.
 */
export type SpacePrefix = "none" | "text" | "segments";

/** How a word becomes pieces: neighbours are joined, or the most probable pieces are taken. */
export type PieceModel =
  | {
      readonly kind: "merges";
      /** By the token of each entry. */
      readonly rank: (ids: ReadonlyMap<string, number>) => MergeRank;
      readonly takesWholeWords: boolean;
    }
  | { readonly kind: "unigram"; readonly scores: ArrayLike<number> };

/** What a tokenizer of pieces is made of. Spaces must be "▁" by its normalizers. */
export interface PieceVocabulary extends Vocabulary {
  readonly model: PieceModel;
  readonly prefix: SpacePrefix;
  readonly fallsBackToBytes: boolean;
  /** What a character that is in no piece becomes; `undefined`: nothing. */
  readonly unknown: number | undefined;
  /** Whether several of them in a row become one token. */
  readonly fusesUnknown: boolean;
}

/**
 * The tokenizer. Decoding keeps a space in front: what a model continues a text with often begins with one.
 * Its tables are built when the first text is encoded.
 */
export function makePieceTokenizer(vocabulary: PieceVocabulary): Tokenizer {
  const { prefix, fallsBackToBytes } = vocabulary;
  const utf8 = new TextEncoder();
  return makeTextTokenizer(vocabulary, {
    makeEncoder: () => pieceEncoder(vocabulary),
    bytesOf: (entry) => {
      const byte = fallsBackToBytes ? byteOf(entry) : undefined;
      return byte === undefined ? utf8.encode(entry.replaceAll(SPACE, " ")) : [byte];
    },
    prepare: (text, { start }) => (needsSpace(text, start, prefix) ? addSpace(text) : text),
  });
}

function addSpace(text: AlignedText): AlignedText {
  return text.apply({ kind: "prepend", text: SPACE });
}

function needsSpace({ text }: AlignedText, start: number, prefix: SpacePrefix): boolean {
  switch (prefix) {
    case "none":
      return false;
    case "text":
      return start === 0 && !text.startsWith(SPACE);
    case "segments":
      return !text.startsWith(SPACE);
  }
}

/** The entry of a byte. */
function byteEntry(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

function byteOf(entry: string): number | undefined {
  const [, digits] = /^<0x([0-9A-F]{2})>$/.exec(entry) ?? [];
  return digits === undefined ? undefined : parseInt(digits, 16);
}

/** A word as entries or, where none fits, single characters. */
type Split = (word: string) => readonly string[];

function pieceEncoder(vocabulary: PieceVocabulary): WordEncoder {
  const { entries, model, fallsBackToBytes, unknown, fusesUnknown } = vocabulary;
  const ids = idsOf(entries);
  const split = model.kind === "merges" ? joining(ids, model) : bestPieces(entries, model.scores);
  const utf8 = new TextEncoder();
  const bytesOf = (character: string): readonly number[] | undefined => {
    if (!fallsBackToBytes) return undefined;
    const bytes = Array.from(utf8.encode(character), (byte) => ids.get(byteEntry(byte)));
    return bytes.every((byte) => byte !== undefined) ? bytes : undefined;
  };
  return (word, emit) => {
    let at = 0;
    let unknownFrom: number | undefined;
    const endUnknown = (): void => {
      if (unknownFrom !== undefined && unknown !== undefined) emit(unknown, unknownFrom, at);
      unknownFrom = undefined;
    };
    for (const piece of split(word)) {
      const end = at + piece.length;
      const id = ids.get(piece);
      const tokens = id === undefined ? bytesOf(piece) : [id];
      if (tokens === undefined) {
        if (!fusesUnknown) endUnknown();
        unknownFrom ??= at;
      } else {
        endUnknown();
        for (const token of tokens) emit(token, at, end);
      }
      at = end;
    }
    endUnknown();
  };
}

function joining(ids: ReadonlyMap<string, number>, model: PieceModel & { kind: "merges" }): Split {
  const pairs = new BytePairEncoder(ids, model.rank(ids), model);
  return (word) => pairs.encode(Array.from(word));
}
