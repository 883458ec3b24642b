/** What stands beneath the cells of a table: what is said without the vector. */
import type { PatchscopeResult, ReadOutRecord } from "../result/result.ts";
import { readable, type Alphabet } from "./display-text.ts";
import { nextTokensLine } from "./next-tokens.ts";
import { ownTextOf, TEXT_ITSELF } from "./reading.ts";

/** A read-out, and what was read. */
interface ControlReadOut {
  readonly words: string;
  readonly readOut: ReadOutRecord;
}

/** The source's own run where it is measured, the target without the vector, and with a text instead. */
export function controlReadOuts(
  { spec, source, controls }: PatchscopeResult,
  isShort: boolean,
): readonly ControlReadOut[] {
  const { next, metrics } = source;
  const { unpatched, textOnly } = controls;
  const instead = isShort ? "the text instead" : "with the text in place of the vector";
  return [
    ...(next && metrics ? [{ words: "the source's own run", readOut: { next, metrics } }] : []),
    ...(unpatched ? [{ words: "without the vector", readOut: unpatched }] : []),
    ...(textOnly
      ? [{ words: ownTextOf(spec) === undefined ? instead : TEXT_ITSELF, readOut: textOnly }]
      : []),
  ];
}

/** The text of a read-out, or its next tokens where none was generated. */
export function saidBy(
  { text, next }: Pick<ReadOutRecord, "next"> & { readonly text?: string | undefined },
  alphabet: Alphabet,
): string {
  return text === undefined ? nextTokensLine(next, alphabet) : saying(text, alphabet);
}

/** A text that a stop string ended before it began is no gap in the table. */
function saying(text: string, alphabet: Alphabet): string {
  return text === "" ? "(nothing)" : readable(text, alphabet);
}
