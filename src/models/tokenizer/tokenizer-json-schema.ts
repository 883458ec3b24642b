/** tokenizer.json and tokenizer_config.json as far as they are read; what their parts mean is tokenizer-json.ts's. */
import { z } from "zod";

const MAX_TOKENS = 2 ** 24;

const id = z.number().int().nonnegative().max(MAX_TOKENS);
/** A merge: "left right", or both apart. */
export type Merge = string | readonly [string, string];

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

function isScored(value: unknown): boolean {
  const isPiece = (one: unknown): boolean =>
    Array.isArray(one) &&
    one.length === 2 &&
    typeof one[0] === "string" &&
    typeof one[1] === "number";
  return Array.isArray(value) && value.length <= MAX_TOKENS && value.every(isPiece);
}

/** A token that is found in a text before it is cut. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** A normalizer, pre-tokenizer, post-processor or decoder of any type. */
export interface Part {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** tokenizer.json without its model's details. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer?: Part | null | undefined;
  readonly pre_tokenizer?: Part | null | undefined;
  readonly post_processor?: Part | null | undefined;
  readonly decoder?: Part | null | undefined;
  readonly model: Part;
}

const addedToken = z.object({
  id,
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
});
const partSchema: z.ZodType<Part> = z.looseObject({ type: z.string() });
export const tokenizerSchema: z.ZodType<TokenizerJson> = z.object({
  added_tokens: z.array(addedToken).default([]),
  normalizer: partSchema.nullish(),
  pre_tokenizer: partSchema.nullish(),
  post_processor: partSchema.nullish(),
  decoder: partSchema.nullish(),
  model: z.looseObject({ type: z.string().default("BPE") }),
});

/** A byte-pair encoding model. */
export interface BpeModel {
  readonly dropout?: number | null | undefined;
  readonly unk_token?: string | null | undefined;
  readonly fuse_unk?: boolean | null | undefined;
  readonly continuing_subword_prefix?: string | null | undefined;
  readonly end_of_word_suffix?: string | null | undefined;
  readonly byte_fallback?: boolean | null | undefined;
  readonly ignore_merges?: boolean | null | undefined;
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly Merge[];
}

/** A Unigram model: pieces by id, with their log probabilities. */
export interface UnigramModel {
  readonly unk_id?: number | null | undefined;
  readonly byte_fallback?: boolean | null | undefined;
  readonly vocab: readonly (readonly [string, number])[];
}

/** A tokenizer.json whose model is of type BPE. */
export const bpeSchema: z.ZodType<{ readonly model: BpeModel }> = z.object({
  model: z.object({
    dropout: z.number().nullish(),
    unk_token: z.string().nullish(),
    fuse_unk: z.boolean().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
    vocab: z.custom<Readonly<Record<string, number>>>(isVocabulary, "must give each token an id"),
    merges: z.custom<readonly Merge[]>(isMerges, "must be a list of pairs"),
  }),
});

/** A tokenizer.json whose model is of type Unigram. */
export const unigramSchema: z.ZodType<{ readonly model: UnigramModel }> = z.object({
  model: z.object({
    unk_id: id.nullish(),
    byte_fallback: z.boolean().nullish(),
    vocab: z.custom<UnigramModel["vocab"]>(isScored, "must give each piece a score"),
  }),
});

const namedToken = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const templates = z.array(z.object({ name: z.string(), template: z.string() }));

type NamedToken = string | { readonly content: string } | null | undefined;
/** tokenizer_config.json. */
export interface TokenizerConfig {
  readonly bos_token?: NamedToken;
  readonly eos_token?: NamedToken;
  readonly chat_template?:
    string | readonly { readonly name: string; readonly template: string }[] | null | undefined;
}
export const configSchema: z.ZodType<TokenizerConfig> = z.object({
  bos_token: namedToken,
  eos_token: namedToken,
  chat_template: z.union([z.string(), templates]).nullish(),
});

/** The content of a token that may be written in two ways. */
export function contentOf(token: NamedToken): string | undefined {
  return typeof token === "string" ? token : token?.content;
}

const MAX_NESTING = 8; // sequences of sequences are rare already

/** The parts of a sequence, or the one part alone; a sequence that cannot be read stays as it is. */
export function partsOf(
  part: Part | null | undefined,
  field: "normalizers" | "pretokenizers" | "processors" | "decoders",
  nesting = 0,
): readonly Part[] {
  if (part === null || part === undefined) return [];
  const parts = z.array(partSchema).safeParse(part[field]).data;
  if (part.type !== "Sequence" || parts === undefined || nesting > MAX_NESTING) return [part];
  return parts.flatMap((one) => partsOf(one, field, nesting + 1));
}
