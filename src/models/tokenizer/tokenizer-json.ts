/**
 * The tokenizer of a folder in the Hugging Face layout: tokenizer.json, where it describes byte-level BPE, and the
 * chat template of tokenizer_config.json. Anything else in tokenizer.json is refused by name, never ignored.
 */
import { z } from "zod";

import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { Tokenizer } from "../model.ts";
import { checkJson } from "../weights/json-file.ts";
import { BYTE_SYMBOLS } from "./byte-alphabet.ts";
import { makeByteLevelTokenizer } from "./byte-level-tokenizer.ts";
import type { ChatTemplate } from "./chat-template.ts";
import type { CutStep } from "./pre-tokenize.ts";

const MAX_TOKENS = 2 ** 24;

const id = z.number().int().nonnegative().max(MAX_TOKENS);
/** "left right", or both apart. */
type Merge = string | readonly [string, string];

// By hand: a schema for each of 100,000 entries would take longer than all the rest of opening a model.
function isVocabulary(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (token) => Number.isInteger(token) && token >= 0 && token <= MAX_TOKENS,
  );
}

function isMerges(value: unknown): boolean {
  const isText = (part: unknown): boolean => typeof part === "string";
  const isMerge = (merge: unknown): boolean =>
    isText(merge) || (Array.isArray(merge) && merge.length === 2 && merge.every(isText));
  return Array.isArray(value) && value.every(isMerge);
}

const addedToken = z.object({
  id,
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
});
const part = z.looseObject({ type: z.string() });
const tokenizerSchema = z.object({
  added_tokens: z.array(addedToken).default([]),
  normalizer: part.nullish(),
  pre_tokenizer: part.nullish(),
  post_processor: part.nullish(),
  decoder: part.nullish(),
  model: z.object({
    type: z.string().default("BPE"),
    dropout: z.number().nullish(),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
    vocab: z.custom<Readonly<Record<string, number>>>(isVocabulary, "must give each token an id"),
    merges: z.custom<readonly Merge[]>(isMerges, "must be a list of pairs"),
  }),
});
type TokenizerJson = z.infer<typeof tokenizerSchema>;

const namedToken = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const templates = z.array(z.object({ name: z.string(), template: z.string() }));
const configSchema = z.object({
  bos_token: namedToken,
  eos_token: namedToken,
  chat_template: z.union([z.string(), templates]).nullish(),
});
type TokenizerConfig = z.infer<typeof configSchema>;

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

/**
 * The tokenizer of these files.
 * @throws `model-unsupported` naming the part that is not built
 */
export function readTokenizerJson(files: TokenizerFiles): Tokenizer {
  const { file } = files;
  const json = checkJson(files.tokenizer, tokenizerSchema, file);
  const config = checkJson(files.config ?? {}, configSchema, file);
  checkModel(json, file);
  const entries = entriesOf(json, file);
  const eos = contentOf(config.eos_token);
  const eosId = eos === undefined ? -1 : entries.lastIndexOf(eos);
  return makeByteLevelTokenizer({
    entries,
    specials: json.added_tokens.map((token) => token.id),
    merges: json.model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" "))),
    normalizers: [],
    takesWholeWords: json.model.ignore_merges ?? false,
    steps: stepsOf(json.pre_tokenizer ?? undefined, file),
    bos: bosOf(json.post_processor ?? undefined, file),
    endTokens: new Set(eosId < 0 ? [] : [eosId]),
    chatTemplate: chatTemplateOf(files.template, config),
  });
}

function unsupported(file: string, missing: string): Error {
  return modelUnsupported({ file, missing });
}

function checkModel(json: TokenizerJson, file: string): void {
  const { model } = json;
  const refused: readonly (readonly [boolean, string])[] = [
    [model.type !== "BPE", `a model of type ${model.type}`],
    [(model.dropout ?? 0) !== 0, "dropout"],
    [(model.continuing_subword_prefix ?? "") !== "", "continuing_subword_prefix"],
    [(model.end_of_word_suffix ?? "") !== "", "end_of_word_suffix"],
    [model.byte_fallback ?? false, "byte_fallback"],
    [
      typeof model.unk_token === "string" &&
        BYTE_SYMBOLS.some((symbol) => !Object.hasOwn(model.vocab, symbol)),
      "an unknown token for bytes that are not in the vocabulary",
    ],
    [
      json.normalizer !== null && json.normalizer !== undefined,
      `a normalizer (${json.normalizer?.type ?? ""})`,
    ],
    [json.decoder?.type !== "ByteLevel", `a decoder of type ${json.decoder?.type ?? "none"}`],
    [
      json.added_tokens.some((one) => one.lstrip || one.rstrip || one.single_word),
      "added tokens that strip spaces or match words",
    ],
  ];
  for (const [isRefused, what] of refused) {
    if (isRefused) throw unsupported(file, `its tokenizer has ${what}`);
  }
}

function entriesOf(json: TokenizerJson, file: string): readonly string[] {
  const known: (readonly [string, number])[] = Object.entries(json.model.vocab);
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

const byteLevel = z.object({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.literal(false),
  use_regex: z.literal(true).default(true),
});
const digits = z.object({ type: z.literal("Digits"), individual_digits: z.literal(true) });

function stepsOf(preTokenizer: z.infer<typeof part> | undefined, file: string): readonly CutStep[] {
  const sequence = z.object({ type: z.literal("Sequence"), pretokenizers: z.array(part) });
  const parsed = sequence.safeParse(preTokenizer);
  const parts = parsed.success
    ? parsed.data.pretokenizers
    : preTokenizer === undefined
      ? []
      : [preTokenizer];
  const steps = parts.map((one): CutStep => {
    if (byteLevel.safeParse(one).success) return "gpt2-words";
    if (digits.safeParse(one).success) return "digits";
    throw unsupported(file, `its pre-tokenizer has ${JSON.stringify(one).slice(0, 200)}`);
  });
  if (steps.at(-1) === "gpt2-words") return steps;
  throw unsupported(file, "its pre-tokenizer does not end with ByteLevel");
}

const special = z.object({ SpecialToken: z.object({ id: z.string() }) });
const template = z.object({
  type: z.literal("TemplateProcessing"),
  single: z.array(z.record(z.string(), z.unknown())),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(id) })),
});
const processors = z.object({ type: z.literal("Sequence"), processors: z.array(part) });

/** The token that the post-processor puts before every text. */
function bosOf(postProcessor: z.infer<typeof part> | undefined, file: string): number | undefined {
  if (postProcessor === undefined || postProcessor.type === "ByteLevel") return undefined; // trims offsets only
  const list = processors.safeParse(postProcessor);
  if (list.success) {
    return list.data.processors.map((one) => bosOf(one, file)).find((bos) => bos !== undefined);
  }
  const parsed = template.safeParse(postProcessor);
  const [first, second, third] = parsed.success ? parsed.data.single : [];
  if (!parsed.success || first === undefined)
    throw unsupported(file, `its post-processor is ${postProcessor.type}`);
  if ("Sequence" in first && second === undefined) return undefined;
  const name = special.safeParse(first).data?.SpecialToken.id ?? "";
  const [bos, more] = parsed.data.special_tokens[name]?.ids ?? [];
  const isBosOnly = second !== undefined && "Sequence" in second && third === undefined;
  if (bos === undefined || more !== undefined || !isBosOnly) {
    throw unsupported(file, "its tokenizer adds more than one token in front of a text");
  }
  return bos;
}

function contentOf(token: z.infer<typeof namedToken>): string | undefined {
  return typeof token === "string" ? token : token?.content;
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
