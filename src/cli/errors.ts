/** Errors of the commands themselves: options, files that they read and write. */
import { PatchscopesError } from "../errors.ts";

/** An option's value that is none of the possible ones. */
export function optionWrong(facts: {
  readonly option: string;
  readonly expected: string;
  readonly got: string;
  readonly hint?: string | undefined;
}): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `${facts.option}: expected ${facts.expected}, got ${JSON.stringify(facts.got)}.`,
    hint: facts.hint,
  });
}

/** A precision that the CPU has no arithmetic for. */
export function float16OnCpu(): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: "--precision float16 is for devices that compute in it; the CPU does not.",
    hint: "Use --device cuda or webgpu with it, or --precision quantized, which is small on the CPU.",
  });
}

/** Options that exclude each other, or miss each other. */
export function optionsConflict(message: string, hint: string): PatchscopesError {
  return new PatchscopesError({ code: "usage", message, hint });
}

/** A preset whose maps stay in one model, beside a model that is to read. */
export function presetOfOneModel(preset: string): PatchscopesError {
  return optionsConflict(
    `The preset ${preset} stays within one model, and there is --explainer.`,
    "Leave --explainer out; --preset tuned-lens is there for two models.",
  );
}

/** A spec file that cannot be read: the request is wrong, nothing failed. */
export function specUnreadable(path: string, cause: unknown): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `Cannot read the spec ${path}: ${reasonOf(cause)}.`,
    hint: "Give a JSON or YAML file, or - for standard input.",
    cause,
  });
}

/** A spec larger than any that a person or a program writes. */
export function specTooLarge(path: string, limit: number): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `The spec ${path} is larger than ${limit / 2 ** 20} MiB.`,
    hint: "Is it a spec? It says what to inspect; models are named in it, not contained.",
  });
}

/** Texts that cannot be read. */
export function textsUnreadable(path: string, cause: unknown): PatchscopesError {
  if (cause instanceof PatchscopesError) return cause;
  return new PatchscopesError({
    code: "usage",
    message: `Cannot read the texts ${path}: ${reasonOf(cause)}.`,
    hint: "Give a text file with one text a line, or with blank lines between texts.",
    cause,
  });
}

/** More texts than are read at once. */
export function textsTooLarge(path: string, limit: number): PatchscopesError {
  return new PatchscopesError({
    code: "usage",
    message: `The texts ${path} are larger than ${limit / 2 ** 20} MiB.`,
    hint: "Give a part of them: --max-tokens limits what is used anyway.",
  });
}

/** A place where the result cannot be written. */
export function notWritable(path: string, cause: unknown): PatchscopesError {
  return new PatchscopesError({
    code: "io",
    message: `Cannot write ${path}: ${reasonOf(cause)}.`,
    hint: "Write to a file in a folder that exists and that you may write to, with room for it.",
    cause,
  });
}

/** Says what the system says, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const known = code === undefined ? undefined : SYSTEM_REASONS[code];
  return known ?? (error instanceof Error ? error.message : String(error));
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk may only be read",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENAMETOOLONG: "the name is too long",
};

/** Another model as the reader of an inspection that takes no state anywhere. */
export function nothingToExplain(explainer: string): PatchscopesError {
  return optionsConflict(
    `This preset writes no state that ${explainer} could read: it changes the model's own run.`,
    "Leave --explainer out, or choose another preset.",
  );
}

/** A preset of two models, of which there is one. */
export function explainerMissing(model: string): PatchscopesError {
  return optionsConflict(
    `The preset cross-model-entity needs another model than ${model} to read the states.`,
    "Name it: --explainer gemma-3-270m. Without --map a map to it is fitted first.",
  );
}

/** Two options that say the same thing. */
export function evidenceAndControls(): PatchscopesError {
  return optionsConflict(
    "--evidence is short for --controls, and both are given.",
    "Leave one of them out.",
  );
}
