/**
 * The one error class. Small named functions next to the code that fails make its values;
 * every code has a section in docs/errors.md.
 */

/** What went wrong, as a name scripts can rely on. */
export type ErrorCode =
  | "spec-invalid" // the request was wrong: one or several issues
  | "usage" // options of a command
  | "model-unknown"
  | "model-unreadable" // broken, truncated or foreign file
  | "model-unsupported" // readable, but of a kind that is not built
  | "download-failed"
  | "offline"
  | "io" // a file that cannot be read or written
  | "engine" // the runtime failed
  | "aborted";

/** One thing wrong with a spec. `path` leads to it: `["source", "layer"]`. */
export interface SpecIssue {
  readonly code: string;
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

export interface ErrorFacts {
  readonly code: ErrorCode;
  /** What happened, with expected and got; one line unless there are several issues. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  readonly issues?: readonly SpecIssue[] | undefined;
  readonly cause?: unknown;
}

/** Every failure that a user can do something about. Anything else that is thrown is a bug. */
export class PatchscopesError extends Error {
  override readonly name = "PatchscopesError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly issues: readonly SpecIssue[];

  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.hint = facts.hint;
    this.issues = facts.issues ?? [];
  }

  /** The process's exit status: 2 when the request was wrong, 1 when it failed, 130 when it was stopped. */
  get exitStatus(): 1 | 2 | 130 {
    switch (this.code) {
      case "spec-invalid":
      case "usage":
        return 2;
      case "aborted":
        return 130;
      default:
        return 1;
    }
  }
}

/** One error for several issues; the message has one line an issue. */
export function specInvalid(issues: readonly SpecIssue[]): PatchscopesError {
  const line = (issue: SpecIssue): string =>
    issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`;
  const first = issues[0];
  return new PatchscopesError({
    code: "spec-invalid",
    message: issues.map(line).join("\n"),
    hint:
      issues.length === 1 ? first?.hint : issues.find((issue) => issue.hint !== undefined)?.hint,
    issues,
  });
}

/** There was no room for what came next, while `what` happened. */
export function memoryShort(what: string, cause: unknown): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `${what}: there is not enough memory.`,
    hint:
      'Let less run at once (`memory`, or --memory 1GB), use the precision "quantized", which needs a quarter of the memory for most ' +
      "files, or a smaller model. What is in a file of --out already stays, and the same command goes on from it.",
    cause,
  });
}

/** For the default branch of a closed switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Bugs, never user input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (condition === false || condition === undefined || condition === null) {
    throw new Error(`bug: ${message}`);
  }
}
