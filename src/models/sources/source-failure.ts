/**
 * Why one source could not give a file. Not for users: another source may have it. find.ts turns the last one
 * into a PatchscopesError; aborts and full disks never become one of these.
 */

export type FailureKind =
  | "unreachable" // no answer, or none of its own: DNS, proxy, time, 5xx
  | "refused" // it answered that we may not
  | "missing" // it answered that there is no such thing
  | "interrupted" // cut too many times
  | "damaged" // what came is not what was asked for
  | "package"; // the package index or its client

/** A failed source; `message` ends the sentence "The Hub: …". */
export class SourceFailure extends Error {
  override readonly name = "SourceFailure";
  readonly kind: FailureKind;
  readonly status: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    facts: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.kind = kind;
    this.status = facts.status;
  }
}

/** The system's name of an error, `ENOSPC`, also where `fetch` wraps it. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? undefined : systemCode(error.cause);
}

/** Whether there is no room: then no other source helps either. */
export function isDiskFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(systemCode(error) ?? "");
}
