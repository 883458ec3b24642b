/** What can be wrong with prompts: their tokens, their length, and the markers in them. Each function makes one issue. */
import type { SpecIssue } from "../../errors.ts";

type Path = SpecIssue["path"];

/** Something that only a tokenizer can do. */
export function needsTokenizer(what: string, instead: string, path: Path): SpecIssue {
  return {
    code: "no-tokenizer",
    path,
    message: `${what} needs a tokenizer, and this model has none`,
    hint: instead,
  };
}

/** A token id that the model has no embedding for. */
export function tokenOutOfVocabulary(token: number, vocabSize: number, path: Path): SpecIssue {
  return {
    code: "token-out-of-vocabulary",
    path,
    message: `token ${token} does not exist: the vocabulary has tokens 0 to ${vocabSize - 1}`,
    hint: "Token ids are those of this model's own tokenizer.",
  };
}

/** A prompt of which the tokenizer leaves nothing. */
export function emptyPrompt(path: Path): SpecIssue {
  return {
    code: "empty-prompt",
    path,
    message: "the prompt has no tokens",
    hint: "Write at least one word.",
  };
}

/** A prompt longer than the model was made for. */
export function promptTooLong(count: number, maxPositions: number, path: Path): SpecIssue {
  return {
    code: "prompt-too-long",
    path,
    message: `the prompt has ${count} tokens; the model was made for at most ${maxPositions}`,
    hint: "Shorten it.",
  };
}

/** `prompt: same` where the source is a file that does not say its prompt. */
export function noPromptToShare(): SpecIssue {
  return {
    code: "no-prompt",
    path: ["target", "prompt"],
    message: "the source is a file of vectors without tokens, so there is no prompt to be the same",
    hint: "Write the target's prompt.",
  };
}

/** A marker that is not in the target prompt. */
export function markerNotFound(marker: string, path: Path): SpecIssue {
  return {
    code: "marker-not-found",
    path,
    message: `the marker ${JSON.stringify(marker)} does not occur in the target prompt`,
    hint: "Write it into the prompt where the vector belongs.",
  };
}

/** A marker in a prompt that is not a text of its own. */
export function markerWithoutText(path: Path): SpecIssue {
  return {
    code: "marker-without-text",
    path,
    message: "a marker needs a target prompt of its own, as a text or messages",
    hint: "Write prompt: TEXT with the marker in it, or give positions by index.",
  };
}

/** Placeholders that do not have a token each. */
export function placeholdersShareToken(as: string, piece: string, path: Path): SpecIssue {
  return {
    code: "placeholder-shared",
    path,
    message: `the placeholder ${JSON.stringify(as)} has no token of its own: ${JSON.stringify(piece)} holds more than one of them`,
    hint: "Put a space between markers, or choose another placeholder with as.",
  };
}
