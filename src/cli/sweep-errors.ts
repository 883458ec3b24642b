/** What can be wrong with a sweep: its samples, its spec, the file that it goes on from. */
import { PatchscopesError } from "../errors.ts";
import { reasonOf } from "./errors.ts";

/** Samples that cannot be read. */
export function samplesUnreadable(path: string, cause: unknown): PatchscopesError {
  return usage(
    `Cannot read the samples ${path}: ${reasonOf(cause)}.`,
    "Give a file of samples, or - for JSON lines on standard input.",
    cause,
  );
}

/** A name that does not say what is in the file. */
export function samplesOfUnknownKind(path: string): PatchscopesError {
  return usage(
    `The samples ${path} are of no kind that is known: expected a name that ends in .jsonl, .csv or .txt.`,
    "JSON lines have an object each, CSV files a header, text files a sample a line, which is {{prompt}}.",
  );
}

/** More samples than are read. */
export function samplesTooLarge(path: string, limit: number): PatchscopesError {
  return usage(
    `The samples ${path} are larger than ${limit / 2 ** 20} MiB.`,
    "Sweep them in several files.",
  );
}

/** A file without a sample. */
export function samplesEmpty(path: string): PatchscopesError {
  return usage(
    `There are no samples in ${path}.`,
    "Give a line for each; a CSV file has a header above them.",
  );
}

/** A line that is no sample. */
export function sampleLineBroken(path: string, line: number, problem: string): PatchscopesError {
  return usage(
    `${path}, line ${line}: ${problem}.`,
    path.endsWith(".csv")
      ? "Values with commas, quotes or line breaks go between double quotes."
      : 'A line is an object such as {"country": "Japan", "capital": "Tokyo"}.',
  );
}

/** Both the spec and the samples on standard input. */
export function bothOnStandardInput(): PatchscopesError {
  return usage(
    "The spec and the samples cannot both come from standard input.",
    "Put one of them into a file.",
  );
}

/** A spec that is the same for every sample. */
export function noGap(path: string): PatchscopesError {
  return usage(
    `The spec ${path} has no {{field}}: it would be the same for every sample.`,
    'Write one where samples differ, in quotes: prompt: "The capital of {{country}} is".',
  );
}

/** A sample that the spec cannot run with. */
export function sampleUnfit(facts: {
  readonly path: string;
  /** Of the samples that are unfit, from the first on. */
  readonly lines: readonly number[];
  readonly cause: PatchscopesError;
  readonly hint: string | undefined;
}): PatchscopesError {
  const { path, lines, cause } = facts;
  const [first = 0, ...others] = lines;
  const message = cause.message
    .split("\n")
    .map((each) => `${path}, line ${first}: ${each}`)
    .join("\n");
  const more =
    others.length === 0 ? "" : `\n${path}: ${others.length} more cannot run: ${listed(others)}.`;
  return new PatchscopesError({
    code: cause.code,
    message: message + more,
    hint: cause.hint ?? facts.hint,
    issues: cause.issues,
    cause,
  });
}

// More than fit a line are counted.
const MAX_LISTED = 8;

function listed(lines: readonly number[]): string {
  const shown = lines.slice(0, MAX_LISTED).join(", ");
  const noun = lines.length === 1 ? "line" : "lines";
  return `${noun} ${shown}${lines.length > MAX_LISTED ? ", …" : ""}`;
}

/** Samples that would be run by several models. */
export function modelsDiffer(path: string, line: number): PatchscopesError {
  return usage(
    `${path}, line ${line}: it names another model than the samples before it.`,
    "A sweep is of one model: sweep the samples of each by themselves.",
  );
}

/** A table whose samples have other columns. */
export function columnsDiffer(path: string, line: number): PatchscopesError {
  return usage(
    `${path}, line ${line}: its read-outs have other columns than those of the samples before it.`,
    "What is read, metrics, controls and contrasts are the same for all rows of a table; --format jsonl needs none of that.",
  );
}

/** No answer where one was asked for. */
export function answerEmpty(path: string, line: number, answer: string): PatchscopesError {
  return usage(
    `${path}, line ${line}: --answer ${JSON.stringify(answer)} gives no answer.`,
    'Give one, or several with / between them, or a list in JSON: --answer "{{capital}}".',
  );
}

/** A file that holds something else than the beginning of this sweep. */
export function fileOfAnother(path: string, line: number, what: string): PatchscopesError {
  return usage(
    `${path} is not of this sweep: line ${line} ${what}. It is left as it was.`,
    "Give another --out, or move that file away.",
  );
}

/** A table that is there already: its rows do not say what they are of. */
export function tableExists(path: string): PatchscopesError {
  return usage(
    `${path} exists, and a table cannot be gone on with.`,
    "Give another --out, or move that file away; --format jsonl can be gone on with.",
  );
}

/** Somebody stopped a sweep before its first pass. */
export function sweepStopped(): PatchscopesError {
  return new PatchscopesError({ code: "aborted", message: "The sweep was stopped." });
}

function usage(message: string, hint: string, cause?: unknown): PatchscopesError {
  return new PatchscopesError({ code: "usage", message, hint, cause });
}
