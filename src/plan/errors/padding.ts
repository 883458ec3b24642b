/** What cannot be meant by positions in prompts that stand behind padding, and where there can be none. */
import type { SpecIssue } from "../../errors.ts";
import type { Side } from "./references.ts";

type Path = SpecIssue["path"];

/** A position before or behind a prompt that is counted from its padding on. */
export function positionOutsidePadded(facts: {
  readonly position: number;
  readonly count: number;
  readonly padding: number;
  readonly side: Side;
  readonly path: Path;
}): SpecIssue {
  const { position, count, padding, side, path } = facts;
  const isPadding = position >= 0 && position < padding;
  return {
    code: "position-out-of-range",
    path,
    message: `position ${position} ${isPadding ? "is padding" : "does not exist"}: behind ${padding} of padding the ${side} prompt has positions ${padding} to ${padding + count - 1}`,
    hint: "The paper's code counts positions from 0 on from the first token of padding. Negative ones count from the end.",
  };
}

/** Padding of what has no tokens, or no turned positions. */
export function cannotPad(side: Side, why: string): SpecIssue {
  return {
    code: "conflict",
    path: ["compat", "padding", side],
    message: `the ${side} cannot be padded: ${why}`,
    hint: `Leave padding.${side} out.`,
  };
}
