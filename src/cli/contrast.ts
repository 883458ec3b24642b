/** `--contrast "I spent the summer in {Italy,Peru}"`: a contrast set as people write it. */
import { startsOf } from "../plan/texts.ts";
import type { ContrastPrompt } from "../spec/spec.ts";
import { optionWrong } from "./errors.ts";

const BRACES = /\{([^{}]*)\}/u;

/**
 * The prompts of an option's value, each read at the last token of the alternative that fills the braces; without braces
 * it is one prompt, read at its last token. The source's own text is left out.
 */
export function parseContrast(
  value: string,
  source: string | undefined,
): readonly ContrastPrompt[] {
  const match = BRACES.exec(value);
  const rest = value.replace(BRACES, "");
  if (/[{}]/u.test(rest)) throw wrong(value);
  if (match === null) return value === source ? [] : [{ prompt: value, position: -1 }];
  const before = value.slice(0, match.index);
  const behind = value.slice(match.index + match[0].length);
  const alternatives = (match[1] ?? "").split(",").map((word) => word.trim());
  if (alternatives.some((word) => word === "")) throw wrong(value);
  return alternatives
    .map((word) => ({ prompt: before + word + behind, position: placeOf(word, before, behind) }))
    .filter(({ prompt }) => prompt !== source);
}

/** The word where it was put in, should it stand before as well. */
function placeOf(find: string, before: string, behind: string): ContrastPrompt["position"] {
  if (behind === "") return -1;
  const { length: occurrence } = startsOf(find, before + find);
  return { find, occurrence: occurrence === 1 ? "first" : occurrence, token: "last" };
}

function wrong(got: string): Error {
  return optionWrong({
    option: "--contrast",
    expected: "a text, or a text with alternatives such as {Italy,Peru}",
    got,
  });
}
