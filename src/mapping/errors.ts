/** What can be wrong with learning a mapping, and with a file that holds one. */
import { PatchscopesError } from "../errors.ts";

/** A file that is no mapping, or not a whole one. `problem` ends the sentence "FILE cannot be read: …". */
export function mappingUnreadable(file: string, problem: string): PatchscopesError {
  return new PatchscopesError({
    code: "model-unreadable",
    message: `The mapping ${file} cannot be read: ${problem}.`,
    hint: "Make it anew with patchscopes fit; docs/mappings.md says what such a file holds.",
  });
}

/** States that leave a map open: fewer of them than numbers to learn, or all in one plane. */
export function mapNotDetermined(facts: {
  readonly layer: string;
  readonly states: number;
  readonly width: number;
}): PatchscopesError {
  const { layer, states, width } = facts;
  return new PatchscopesError({
    code: "usage",
    message: `The map from layer ${layer} cannot be fitted: ${states} states do not determine it for vectors of ${width} numbers.`,
    hint: "Give more text, a larger --ridge, or --kind scalar-affine, which needs the least.",
  });
}

/** Texts that leave nothing to fit on, or to measure on. */
export function tooFewTexts(texts: number): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `There ${texts === 1 ? "is 1 text" : `are ${texts} texts`} of two tokens or more: expected at least 2, one to fit on and one to measure on.`,
    hint: "Give more texts, or longer ones. The first token of a text is left out: it is an attention sink.",
  });
}

/** A text that says what a vector is of, and is more than a pass holds. */
export function captionTooLong(text: string, limit: number): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `The text ${JSON.stringify(`${text.slice(0, 40)}…`)} has more than ${limit} tokens.`,
    hint: "Say in a sentence what the vector is of: its last token's state is what it is mapped to.",
  });
}

/** A text that does not say which of its words is the subject. */
export function subjectNotMarked(text: string): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `The text ${JSON.stringify(text)} should have one subject in braces.`,
    hint: "Mark it in every text, as in: The capital city of {France} is",
  });
}

/** A subject that leaves no token of its own. */
export function subjectNotRead(text: string): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `The subject of ${JSON.stringify(text)} is in none of its tokens.`,
    hint: "Mark a word that the model's tokenizer keeps.",
  });
}

/** A relation from a layer to itself, or downwards. */
export function relationLayers(layer: string, target: number): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `A relation leads upwards, and layer ${layer} is not below layer ${target}.`,
    hint: "Choose lower --layers, or a higher --to.",
  });
}

/** Numbers that are none, which an engine or a model gave. */
export function statesNotFinite(layer: string): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `The states of layer ${layer} hold numbers that are not finite, so no map can be fitted.`,
    hint: "Check the model with --precision float32.",
  });
}

/** Somebody stopped the fit. */
export function fitStopped(cause: unknown): PatchscopesError {
  return new PatchscopesError({ code: "aborted", message: "Fitting was stopped.", cause });
}

/** A file that holds no vectors, or several kinds. `problem` ends the sentence "The vectors of FILE cannot be read: …". */
export function vectorsUnreadable(file: string, problem: string): PatchscopesError {
  return new PatchscopesError({
    code: "model-unreadable",
    message: `The vectors of ${file} cannot be read: ${problem}.`,
    hint: "A file of vectors is what patchscopes capture writes, or a safetensors file with a tensor of one to three axes; tensor names it.",
  });
}
