/** The tokenizer that a GGUF file's metadata describes (`tokenizer.ggml.*`). */
import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { Tokenizer } from "../model.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import { makeByteLevelTokenizer } from "./byte-level-tokenizer.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { ggufWords } from "./gguf-words.ts";
import { makeGgufPieceTokenizer } from "./gguf-pieces.ts";
import type { Vocabulary } from "./text-tokenizer.ts";

/** What both kinds of vocabularies have. */
export type GgufVocabulary = Omit<Vocabulary, "normalizers" | "steps">;

/** Token types that are found in a text: unknown, control, user-defined. */
const FOUND_TYPES: ReadonlySet<number> = new Set([2, 3, 4]);

/**
 * The tokenizer; `undefined` where the file has none.
 * @throws `model-unsupported` for another kind of vocabulary or pre-tokenizer, naming it
 */
export function readGgufTokenizer(metadata: GgufMetadata): Tokenizer | undefined {
  const kind = metadata.string("tokenizer.ggml.model");
  const entries = metadata.strings("tokenizer.ggml.tokens");
  if (kind === undefined || entries === undefined) return undefined;
  const { file } = metadata;
  if (metadata.boolean("tokenizer.ggml.add_eos_token") === true) {
    throw modelUnsupported({ file, missing: "its tokenizer ends every text with a token" });
  }
  switch (kind) {
    case "gpt2":
      return byteLevel(metadata, entries);
    case "llama": // llama.cpp begins these with BOS where the file does not say
      return makeGgufPieceTokenizer(metadata, vocabularyOf(metadata, entries, { addsBos: true }));
    default:
      throw modelUnsupported({
        file,
        missing: `its tokenizer is "${kind}", not "gpt2" or "llama"`,
      });
  }
}

function byteLevel(metadata: GgufMetadata, entries: readonly string[]): Tokenizer {
  const words = ggufWords(metadata);
  const merges = metadata.strings("tokenizer.ggml.merges");
  if (merges === undefined) {
    throw modelUnreadable({ file: metadata.file, problem: `"tokenizer.ggml.merges" is missing` });
  }
  return makeByteLevelTokenizer({ ...vocabularyOf(metadata, entries, words), ...words, merges });
}

function vocabularyOf(
  metadata: GgufMetadata,
  entries: readonly string[],
  defaults: { readonly addsBos: boolean },
): GgufVocabulary {
  const id = (key: string): number | undefined => tokenId(metadata, key, entries.length);
  const bos = id("bos_token_id");
  const eos = id("eos_token_id");
  const addsBos = metadata.boolean("tokenizer.ggml.add_bos_token") ?? defaults.addsBos;
  return {
    entries,
    specials: findSpecials(metadata, entries.length),
    bos: addsBos ? bos : undefined,
    endTokens: new Set([eos, id("eot_token_id")].filter((token) => token !== undefined)),
    chatTemplate: chatTemplateOf(metadata, entries, bos, eos),
  };
}

function findSpecials(metadata: GgufMetadata, count: number): readonly number[] {
  const types = metadata.numbers("tokenizer.ggml.token_type");
  if (types === undefined) return [];
  if (types.length !== count) {
    const problem = `it has ${count} tokens and ${types.length} token types`;
    throw modelUnreadable({ file: metadata.file, problem });
  }
  const specials: number[] = [];
  for (let id = 0; id < count; id++) if (FOUND_TYPES.has(types[id] ?? 0)) specials.push(id);
  return specials;
}

function tokenId(metadata: GgufMetadata, name: string, count: number): number | undefined {
  const key = `tokenizer.ggml.${name}`;
  const id = metadata.number(key);
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id < count)) return id;
  const problem = `"${key}" is ${id}, and it has ${count} tokens`;
  throw modelUnreadable({ file: metadata.file, problem });
}

function chatTemplateOf(
  metadata: GgufMetadata,
  entries: readonly string[],
  bos: number | undefined,
  eos: number | undefined,
): ChatTemplate | undefined {
  const source = metadata.string("tokenizer.chat_template");
  if (source === undefined) return undefined;
  const text = (token: number | undefined): string =>
    token === undefined ? "" : (entries[token] ?? "");
  return { source, bosToken: text(bos), eosToken: text(eos) };
}
