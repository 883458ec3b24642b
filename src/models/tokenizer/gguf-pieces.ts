/** The SentencePiece vocabularies of GGUF files (`llama`): scores or merges, and what each architecture does its own way. */
import { modelUnreadable } from "../errors.ts";
import type { Tokenizer } from "../model.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import { rankByMerges, rankByScores, type MergeRank } from "./byte-pair-encoder.ts";
import type { NormalizeStep } from "./aligned-text.ts";
import type { GgufVocabulary } from "./gguf-tokenizer.ts";
import { makePieceTokenizer, SPACE } from "./piece-tokenizer.ts";

const BYTE_TYPE = 6;
const SPACES: readonly NormalizeStep[] = [{ kind: "replace", from: " ", to: SPACE }];
const SPACE_IN_FRONT: readonly NormalizeStep[] = [{ kind: "prepend", text: SPACE }];

/** The tokenizer. @throws `model-unreadable` without one score a token */
export function makeGgufPieceTokenizer(
  metadata: GgufMetadata,
  vocabulary: GgufVocabulary,
): Tokenizer {
  const architecture = metadata.string("general.architecture");
  const isGemma = architecture?.startsWith("gemma") === true;
  // Nothing in a file says it: Phi-3's own tokenizer puts a space before each stretch, even where one stands.
  const isPhi3 = architecture === "phi3";
  const hasPrefix = metadata.boolean("tokenizer.ggml.add_space_prefix") ?? true;
  const { entries, specials } = isGemma ? spellSpaces(vocabulary) : vocabulary;
  const types = metadata.numbers("tokenizer.ggml.token_type");
  const rank = rankOf(metadata, entries, isGemma);
  return makePieceTokenizer({
    ...vocabulary,
    entries,
    specials,
    normalizers: isPhi3 ? [...SPACE_IN_FRONT, ...SPACES] : SPACES,
    steps: [],
    model: { kind: "merges", rank, takesWholeWords: false },
    prefix: isGemma || isPhi3 || !hasPrefix ? "none" : "text",
    fallsBackToBytes: types === undefined || Array.from(types).includes(BYTE_TYPE),
    unknown: metadata.number("tokenizer.ggml.unknown_token_id"),
    fusesUnknown: true,
  });
}

/** Gemma's files write entries of spaces alone as spaces, and call them user-defined. */
function spellSpaces({
  entries,
  specials,
}: GgufVocabulary): Pick<GgufVocabulary, "entries" | "specials"> {
  const isSpaces = (entry: string | undefined): boolean => /^ +$/.test(entry ?? "");
  return {
    entries: entries.map((entry) => (isSpaces(entry) ? SPACE.repeat(entry.length) : entry)),
    specials: specials.filter((id) => !isSpaces(entries[id])),
  };
}

function rankOf(
  metadata: GgufMetadata,
  entries: readonly string[],
  isGemma: boolean,
): (ids: ReadonlyMap<string, number>) => MergeRank {
  const merges = metadata.strings("tokenizer.ggml.merges");
  if (merges !== undefined) return () => rankByMerges(merges);
  const scores = metadata.numbers("tokenizer.ggml.scores");
  if (scores?.length !== entries.length) {
    const problem = `it has ${entries.length} tokens and ${scores?.length ?? 0} scores`;
    throw modelUnreadable({ file: metadata.file, problem });
  }
  // Gemma's scores do not follow the order in which its vocabulary was merged; the entries' order does.
  const ranked = Float64Array.from(entries, (_, id) => (isGemma ? -id : (scores[id] ?? 0)));
  return (ids) => rankByScores(ids, ranked);
}
