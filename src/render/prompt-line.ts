/** What a run reads, in one line: the prompt with its places marked, or the file whose vectors stand in its place. */
import type { PatchscopeResult } from "../result/result.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { markedPrompt, visible, type Alphabet } from "./display-text.ts";

/** The source's or the target's, in at most this many columns where it is a prompt. */
export function promptLine(
  result: PatchscopeResult,
  side: "source" | "target",
  room: number,
  alphabet: Alphabet,
): string {
  const file = side === "source" ? vectorsOf(result.spec) : softPromptOf(result.spec);
  return file === undefined
    ? markedPrompt(result[side], room, alphabet)
    : visible(`vectors of ${file}`, alphabet);
}

/** The file that the source's vectors come from, if that is no prompt, and which item of it they are. */
function vectorsOf({ source }: PatchscopeSpec): string | undefined {
  if (!("file" in source)) return undefined;
  return source.item === undefined ? source.file : `${source.file}, item ${source.item}`;
}

/** The file whose vectors stand for the whole target: of its tokens nothing is left. */
function softPromptOf({ interventions }: PatchscopeSpec): string | undefined {
  const [file] = interventions.flatMap((each) =>
    each.kind === "soft-prompt" && each.positions === "all" ? [each.file] : [],
  );
  return file;
}
