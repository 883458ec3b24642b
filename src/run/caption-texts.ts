/** Vectors with the texts that say what they are of: which token's state each of them is to become. */
import { captionTooLong } from "../mapping/errors.ts";
import type { PromptTokenizer } from "../plan/encode-prompt.ts";
import type { AlignedText } from "./aligned-texts.ts";
import { PIECE_TOKENS } from "./fit-texts.ts";
import { subjectTexts } from "./subject-texts.ts";

/**
 * One text for each of some vectors, or for each of some groups of them. The state is that of the last token, or, where the first
 * text has braces, of what is in them in each.
 * @param rows vectors of a group, which stand one behind the other
 * @throws `usage` for a text that is longer than a pass, or marks nothing where others do
 */
export function captionTexts(
  texts: readonly string[],
  rows: number,
  tokenizer: Pick<PromptTokenizer, "encode">,
): readonly AlignedText[] {
  const isMarked = texts[0]?.includes("{") === true;
  const read = isMarked
    ? subjectTexts(texts, tokenizer)
    : texts.map((text) => {
        const { tokens } = tokenizer.encode(text);
        return { tokens, subject: tokens.length - 1 };
      });
  return read.map(({ tokens, subject }, index): AlignedText => {
    if (tokens.length > PIECE_TOKENS) throw captionTooLong(texts[index] ?? "", PIECE_TOKENS);
    const source = Array.from({ length: rows }, (_, row) => index * rows + row);
    const pairs = source.map((_, row) => [row, subject] as const);
    return { source, target: tokens, pairs, length: tokens.length };
  });
}
