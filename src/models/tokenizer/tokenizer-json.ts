/**
 * The tokenizer of a folder in the Hugging Face layout: tokenizer.json and the chat template of tokenizer_config.json.
 * Anything in tokenizer.json that is not built is refused by name, never ignored.
 */
import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { Tokenizer } from "../model.ts";
import { checkJson } from "../weights/json-file.ts";
import { BYTE_SYMBOLS } from "./byte-alphabet.ts";
import { makeByteLevelTokenizer } from "./byte-level-tokenizer.ts";
import { rankByMerges } from "./byte-pair-encoder.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { makePieceTokenizer } from "./piece-tokenizer.ts";
import type { Vocabulary } from "./text-tokenizer.ts";
import { bosOf } from "./tokenizer-json-bos.ts";
import {
  bpeSchema,
  configSchema,
  contentOf,
  tokenizerSchema,
  unigramSchema,
  type BpeModel,
  type Merge,
  type TokenizerConfig,
  type TokenizerJson,
} from "./tokenizer-json-schema.ts";
import { byteLevelSpelling, isByteLevel, pieceSpelling } from "./tokenizer-json-spelling.ts";

/** The files of a folder that say how texts become tokens, parsed as JSON. */
export interface TokenizerFiles {
  /** The path of tokenizer.json, for messages. */
  readonly file: string;
  readonly tokenizer: unknown;
  /** tokenizer_config.json; `undefined` where there is none. */
  readonly config: unknown;
  /** chat_template.jinja, which goes before the one in the configuration. */
  readonly template: string | undefined;
}

/** What all kinds have in common. */
type Shared = Omit<Vocabulary, "entries" | "normalizers" | "steps" | "endTokens">;

interface Source {
  readonly file: string;
  readonly json: TokenizerJson;
  readonly shared: Shared;
  readonly eos: string | undefined;
}

/**
 * The tokenizer of these files.
 * @throws `model-unsupported` naming the part that is not built
 */
export function readTokenizerJson(files: TokenizerFiles): Tokenizer {
  const { file } = files;
  const json = checkJson(files.tokenizer, tokenizerSchema, file);
  const config = checkJson(files.config ?? {}, configSchema, file);
  if (json.added_tokens.some((one) => one.single_word)) {
    throw unsupported(file, "its tokenizer has added tokens that match words only");
  }
  const shared: Shared = {
    specials: json.added_tokens.map((token) => token.id),
    strips: new Map(
      json.added_tokens.map(({ id, lstrip, rstrip }) => [id, { left: lstrip, right: rstrip }]),
    ),
    bos: bosOf(json.post_processor ?? undefined, file),
    chatTemplate: chatTemplateOf(files.template, config),
  };
  const source: Source = { file, json, shared, eos: contentOf(config.eos_token) };
  switch (json.model.type) {
    case "BPE": {
      const { model } = checkJson(files.tokenizer, bpeSchema, file);
      checkModel(model, file);
      return isByteLevel(json) ? byteLevel(source, model) : bpePieces(source, model);
    }
    case "Unigram":
      return unigramPieces(source, files.tokenizer);
    default:
      throw unsupported(file, `its tokenizer has a model of type ${json.model.type}`);
  }
}

function byteLevel({ file, json, shared, eos }: Source, model: BpeModel): Tokenizer {
  if (model.byte_fallback === true) throw unsupported(file, "its tokenizer has byte_fallback");
  const isUnknownPossible =
    typeof model.unk_token === "string" &&
    BYTE_SYMBOLS.some((symbol) => !Object.hasOwn(model.vocab, symbol));
  if (isUnknownPossible) {
    const what = "an unknown token for bytes that are not in the vocabulary";
    throw unsupported(file, `its tokenizer has ${what}`);
  }
  const entries = entriesOf(Object.entries(model.vocab), json, file);
  return makeByteLevelTokenizer({
    ...shared,
    ...byteLevelSpelling(json, file),
    entries,
    endTokens: endTokensOf(entries, eos),
    merges: model.merges.map(written),
    takesWholeWords: model.ignore_merges ?? false,
  });
}

function bpePieces({ file, json, shared, eos }: Source, model: BpeModel): Tokenizer {
  const entries = entriesOf(Object.entries(model.vocab), json, file);
  const unknown = model.unk_token ?? undefined;
  return makePieceTokenizer({
    ...shared,
    ...pieceSpelling(json, file),
    entries,
    endTokens: endTokensOf(entries, eos),
    model: {
      kind: "merges",
      rank: () => rankByMerges(model.merges.map(written)),
      takesWholeWords: model.ignore_merges ?? false,
    },
    fallsBackToBytes: model.byte_fallback ?? false,
    unknown: unknown === undefined ? undefined : idOf(entries, unknown),
    fusesUnknown: model.fuse_unk ?? false,
  });
}

function unigramPieces({ file, json, shared, eos }: Source, tokenizer: unknown): Tokenizer {
  const { model } = checkJson(tokenizer, unigramSchema, file);
  const pieces = model.vocab.map(([piece], id) => [piece, id] as const);
  const entries = entriesOf(pieces, json, file);
  return makePieceTokenizer({
    ...shared,
    ...pieceSpelling(json, file),
    entries,
    endTokens: endTokensOf(entries, eos),
    model: { kind: "unigram", scores: model.vocab.map(([, score]) => score) },
    fallsBackToBytes: model.byte_fallback ?? false,
    unknown: model.unk_id ?? undefined,
    fusesUnknown: true,
  });
}

function unsupported(file: string, missing: string): Error {
  return modelUnsupported({ file, missing });
}

function checkModel(model: BpeModel, file: string): void {
  const refused: readonly (readonly [boolean, string])[] = [
    [(model.dropout ?? 0) !== 0, "dropout"],
    [(model.continuing_subword_prefix ?? "") !== "", "continuing_subword_prefix"],
    [(model.end_of_word_suffix ?? "") !== "", "end_of_word_suffix"],
  ];
  for (const [isRefused, what] of refused) {
    if (isRefused) throw unsupported(file, `its tokenizer has ${what}`);
  }
}

function written(merge: Merge): string {
  return typeof merge === "string" ? merge : merge.join(" ");
}

function entriesOf(
  vocabulary: readonly (readonly [string, number])[],
  json: TokenizerJson,
  file: string,
): readonly string[] {
  const known = [...vocabulary];
  for (const token of json.added_tokens) known.push([token.content, token.id]);
  const size = known.reduce((most, [, token]) => Math.max(most, token + 1), 0);
  if (size > 2 * known.length + 1024) {
    throw modelUnreadable({
      file,
      problem: `it has ${known.length} tokens and an id of ${size - 1}`,
    });
  }
  const entries = new Array<string>(size).fill("");
  for (const [entry, token] of known) entries[token] = entry;
  return entries;
}

function idOf(entries: readonly string[], content: string | undefined): number | undefined {
  const id = content === undefined ? -1 : entries.lastIndexOf(content);
  return id < 0 ? undefined : id;
}

function endTokensOf(entries: readonly string[], eos: string | undefined): ReadonlySet<number> {
  const id = idOf(entries, eos);
  return new Set(id === undefined ? [] : [id]);
}

function chatTemplateOf(
  file: string | undefined,
  config: TokenizerConfig,
): ChatTemplate | undefined {
  const written = config.chat_template ?? undefined;
  const inConfig =
    typeof written === "string"
      ? written
      : written?.find((one) => one.name === "default")?.template;
  const source = file ?? inConfig;
  if (source === undefined) return undefined;
  const bosToken = contentOf(config.bos_token) ?? "";
  return { source, bosToken, eosToken: contentOf(config.eos_token) ?? "" };
}
