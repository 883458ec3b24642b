/** What is wrong, as tests compare it. */
import { PatchscopesError, type SpecIssue } from "../../src/errors.ts";

/** The issues of the error that a function throws; none where it throws nothing. */
export function issuesOf(act: () => unknown): readonly SpecIssue[] {
  try {
    act();
  } catch (error) {
    if (error instanceof PatchscopesError) return error.issues;
    throw error;
  }
  return [];
}

/** The same, each in a line with its path and its message. */
export function issueLines(act: () => unknown): string[] {
  return issuesOf(act).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

/** The message of the error that a function throws; none where it throws nothing. */
export function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PatchscopesError) return error.message;
    throw error;
  }
  return "";
}
