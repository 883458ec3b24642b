/**
 * Subjects with right answers, for measuring how often `ask` is right: some to choose wordings with, others to report
 * on. Written as one line each, `name: answers to the first question | to the second | …`, with `/` between answers
 * that are all right.
 */

/** One thing that can be asked about, and what is right to say of it. */
export interface Subject {
  readonly name: string;
  /** By the name of a question: all answers that are right. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
}

/** The subjects of a domain. Nothing is ever chosen by looking at those of `test`. */
export interface Subjects {
  readonly development: readonly Subject[];
  readonly test: readonly Subject[];
}

/** Reads the lines of both lists. */
export function subjectsOf(
  questions: readonly string[],
  lines: { readonly development: string; readonly test: string },
): Subjects {
  return {
    development: subjectLines(questions, lines.development),
    test: subjectLines(questions, lines.test),
  };
}

/** Reads the lines of one list. */
function subjectLines(questions: readonly string[], lines: string): readonly Subject[] {
  return lines
    .trim()
    .split("\n")
    .map((line) => subjectOf(line.trim(), questions));
}

function subjectOf(line: string, questions: readonly string[]): Subject {
  const colon = line.indexOf(":");
  const fields = line.slice(colon + 1).split("|");
  return {
    name: line.slice(0, colon),
    answers: Object.fromEntries(
      questions.map((question, index) => [
        question,
        (fields[index] ?? "").split("/").map((answer) => answer.trim()),
      ]),
    ),
  };
}
