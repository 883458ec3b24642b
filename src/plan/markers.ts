/** Markers in a target prompt: each is taken out, a placeholder stands there instead, and its token is where the vector goes. */
import type { SpecIssue } from "../errors.ts";
import type { MarkedPosition } from "../spec/spec.ts";
import { markerNotFound, placeholdersShareToken } from "./errors/prompts.ts";
import { tokenWithEnd, type WrittenText } from "./texts.ts";

interface At {
  readonly path: SpecIssue["path"];
  readonly issues: SpecIssue[];
}

/** A marker, and for how many states it stands where it stands alone. */
export interface Marking extends MarkedPosition {
  readonly states: number;
}

/** A text with placeholders, and where each begins in it. */
export interface MarkedText {
  readonly text: string;
  readonly starts: readonly number[];
}

/** The text with its markers replaced; several placeholders of one marker have a space between them. */
export function withPlaceholders(
  given: string,
  marking: Marking,
  { path, issues }: At,
): MarkedText {
  const { marker, as } = marking;
  const parts = given.split(marker);
  const times = marking.times ?? (parts.length === 2 ? marking.states : 1);
  if (parts.length === 1) issues.push(markerNotFound(marker, [...path, "position"]));
  const placeholder = Array.from({ length: times }, () => as).join(" ");
  const starts: number[] = [];
  let text = "";
  for (const [index, part] of parts.entries()) {
    if (index > 0) {
      const begin = text.length;
      text += placeholder;
      starts.push(...Array.from({ length: times }, (_, at) => begin + at * (as.length + 1)));
    }
    text += part;
  }
  return { text, starts };
}

/** The token that holds the last character of each placeholder; each must have one of its own. */
export function findMarked(
  encoded: {
    readonly pieces: readonly string[];
    readonly written: Pick<WrittenText, "offsets">;
  },
  starts: readonly number[],
  { as }: MarkedPosition,
  { path, issues }: At,
): readonly number[] {
  const { offsets } = encoded.written;
  const positions = starts.map((start) => tokenWithEnd(start + as.length, offsets));
  const shared = positions.find((position, index) => positions.indexOf(position) < index);
  if (shared !== undefined || positions.includes(-1)) {
    const piece = encoded.pieces[shared ?? -1] ?? "";
    issues.push(placeholdersShareToken(as, piece, [...path, "position", "as"]));
  }
  return positions;
}
