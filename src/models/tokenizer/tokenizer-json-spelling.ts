/**
 * The normalizer, pre-tokenizer and decoder of a tokenizer.json: how a text is spelled and cut before its words become
 * tokens. A part that is not built is refused by name.
 */
import { z } from "zod";

import { modelUnsupported } from "../errors.ts";
import type { NormalizeStep } from "./aligned-text.ts";
import { SPACE, type PieceVocabulary } from "./piece-tokenizer.ts";
import type { CutStep } from "./pre-tokenize.ts";
import type { Vocabulary } from "./text-tokenizer.ts";
import { partsOf, type Part, type TokenizerJson } from "./tokenizer-json-schema.ts";

const byteLevel = z.object({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});
const digits = z.object({ type: z.literal("Digits"), individual_digits: z.literal(true) });
const split = z.object({
  type: z.literal("Split"),
  pattern: z.object({ Regex: z.string() }),
});
const splitsAtWords = z.union([
  z.object({ behavior: z.literal("Isolated"), invert: z.literal(false).default(false) }),
  z.object({ behavior: z.literal("Removed"), invert: z.literal(true) }),
]);

const SHORTENED = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const GPT4_END = String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** The regular expressions that vocabularies are published with, as they stand there. */
const KNOWN_PATTERNS: ReadonlyMap<string, CutStep> = new Map([
  [GPT2_WORDS, "gpt2-words"],
  [SHORTENED + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}` + GPT4_END, "llama3-words"],
  // The same, as tiktoken's users write it.
  [
    String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
    "llama3-words",
  ],
  [SHORTENED + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + GPT4_END, "qwen2-words"],
]);

/** Whether tokens are bytes: either part of the file says so. */
export function isByteLevel({ pre_tokenizer: preTokenizer, decoder }: TokenizerJson): boolean {
  const isBytes = (part: Part): boolean => part.type === "ByteLevel";
  return decoder?.type === "ByteLevel" || partsOf(preTokenizer, "pretokenizers").some(isBytes);
}

/** Of byte-level vocabularies. @throws `model-unsupported` */
export function byteLevelSpelling(
  json: TokenizerJson,
  file: string,
): Pick<Vocabulary, "normalizers" | "steps"> {
  if (json.decoder?.type !== "ByteLevel") throw decoderUnsupported(json.decoder, file);
  const parts = partsOf(json.pre_tokenizer, "pretokenizers");
  const last = byteLevel.safeParse(parts.at(-1));
  const steps = parts.flatMap((part) => byteLevelStep(part, file));
  if (!last.success) throw unsupported(file, "its pre-tokenizer does not end with ByteLevel");
  return { normalizers: normalizersOf(json.normalizer, file), steps };
}

function byteLevelStep(part: Part, file: string): readonly CutStep[] {
  const bytes = byteLevel.safeParse(part);
  if (bytes.success) return bytes.data.use_regex ? ["gpt2-words"] : [];
  if (digits.safeParse(part).success) return ["digits"];
  const regex = split.safeParse(part).data?.pattern.Regex ?? "";
  const words = splitsAtWords.safeParse(part).success ? KNOWN_PATTERNS.get(regex) : undefined;
  if (words !== undefined) return [words];
  throw unsupported(file, `its pre-tokenizer has ${shown(part)}`);
}

const metaspace = z.object({
  type: z.literal("Metaspace"),
  replacement: z.literal(SPACE),
  prepend_scheme: z.enum(["always", "first", "never"]).optional(),
  add_prefix_space: z.boolean().default(true), // what older files have instead
  split: z.boolean().default(true),
});
const gemmaSplit = z.object({
  type: z.literal("Split"),
  pattern: z.object({ String: z.literal(" ") }),
});
const PREFIXES = { always: "segments", first: "text", never: "none" } as const;
const PIECE_DECODERS: ReadonlySet<string> = new Set([
  ...["Metaspace", "Replace", "ByteFallback", "Fuse", "Strip"],
]);

/** Of SentencePiece vocabularies. @throws `model-unsupported` */
export function pieceSpelling(
  json: TokenizerJson,
  file: string,
): Pick<PieceVocabulary, "normalizers" | "steps" | "prefix"> {
  for (const part of partsOf(json.decoder, "decoders")) {
    if (!PIECE_DECODERS.has(part.type)) throw decoderUnsupported(part, file);
  }
  const normalizers = normalizersOf(json.normalizer, file);
  const parts = partsOf(json.pre_tokenizer, "pretokenizers");
  const [only] = parts;
  if (only === undefined) return { normalizers, steps: [], prefix: "none" };
  const found = metaspace.safeParse(only).data;
  if (found !== undefined && parts.length === 1) {
    const scheme = found.prepend_scheme ?? (found.add_prefix_space ? "always" : "never");
    return {
      normalizers: [...normalizers, { kind: "replace", from: " ", to: SPACE }],
      steps: found.split ? ["metaspace"] : [],
      prefix: PREFIXES[scheme],
    };
  }
  // Gemma cuts at spaces when none are left.
  const hasNoSpaces = normalizers.some((step) => step.kind === "replace" && step.from === " ");
  if (hasNoSpaces && parts.length === 1 && gemmaSplit.safeParse(only).success) {
    return { normalizers, steps: [], prefix: "none" };
  }
  throw unsupported(file, `its pre-tokenizer has ${shown(parts)}`);
}

const replace = z.object({
  type: z.literal("Replace"),
  pattern: z.object({ String: z.string() }),
  content: z.string(),
});
const prepend = z.object({ type: z.literal("Prepend"), prepend: z.string() });

function normalizersOf(
  normalizer: TokenizerJson["normalizer"],
  file: string,
): readonly NormalizeStep[] {
  return partsOf(normalizer, "normalizers").map((part) => {
    if (part.type === "NFC") return { kind: "nfc" };
    const replaced = replace.safeParse(part).data;
    if (replaced !== undefined) {
      return { kind: "replace", from: replaced.pattern.String, to: replaced.content };
    }
    const prepended = prepend.safeParse(part).data;
    if (prepended !== undefined) return { kind: "prepend", text: prepended.prepend };
    throw unsupported(file, `its tokenizer has a normalizer (${part.type})`);
  });
}

function decoderUnsupported(decoder: Part | null | undefined, file: string): Error {
  return unsupported(file, `its tokenizer has a decoder of type ${decoder?.type ?? "none"}`);
}

function unsupported(file: string, missing: string): Error {
  return modelUnsupported({ file, missing });
}

const MAX_SHOWN_DEPTH = 3; // a damaged file may be nested without end
const MAX_SHOWN_LENGTH = 200;

function shown(part: unknown): string {
  return JSON.stringify(outline(part, 0)).slice(0, MAX_SHOWN_LENGTH);
}

function outline(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === MAX_SHOWN_DEPTH) return "…";
  if (Array.isArray(value)) return value.map((one) => outline(one, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, outline(one, depth + 1)]),
  );
}
