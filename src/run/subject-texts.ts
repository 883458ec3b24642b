/** Texts in which a subject is marked, as in "The capital city of {France} is": tokens, and where the subject ends. */
import { subjectNotMarked, subjectNotRead } from "../mapping/errors.ts";
import type { PromptTokenizer } from "../plan/encode-prompt.ts";
import { lastTokenOf } from "../plan/texts.ts";

/** A text as a relation is learned from it. */
export interface SubjectText {
  readonly tokens: readonly number[];
  /** Position of the subject's last token. */
  readonly subject: number;
}

/** Encodes texts without their braces. Throws `usage` where a text has not exactly one subject in braces. */
export function subjectTexts(
  texts: readonly string[],
  tokenizer: Pick<PromptTokenizer, "encode">,
): readonly SubjectText[] {
  return texts.map((text) => {
    const [before, subject, after, ...more] = text.split(/[{}]/u);
    if (!subject?.trim() || before === undefined || after === undefined || more.length > 0) {
      throw subjectNotMarked(text);
    }
    const start = before.length;
    const { tokens, offsets } = tokenizer.encode(before + subject + after);
    const last = lastTokenOf([start, start + subject.trimEnd().length], offsets);
    if (last < 0) throw subjectNotRead(text);
    return { tokens, subject: last };
  });
}
