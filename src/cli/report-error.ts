/** Any failure as what the user sees: one message, one hint, an exit status. A stack only with `--debug`. */
import { CommanderError } from "commander";
import { memoryShort, PatchscopesError } from "../errors.ts";
import type { Terminal } from "./terminal.ts";

const STOPPED = 130;
const HELP = "Add --help to see what is possible.";

/** Prints an error and gives the status to exit with. */
export function reportError(
  error: unknown,
  terminal: Terminal,
  options: { debug: boolean },
): number {
  const facts = factsOf(error);
  if (facts.status === STOPPED) terminal.note("Stopped.\n");
  else if (facts.message !== undefined) {
    terminal.note(`error: ${facts.message}\n`);
    if (facts.hint !== undefined) terminal.note(`hint: ${facts.hint}\n`);
  }
  if (options.debug && facts.status !== 0) terminal.note(`\n${traceOf(error)}\n`);
  return facts.status;
}

interface Facts {
  readonly message: string | undefined;
  readonly hint: string | undefined;
  readonly status: number;
}

function factsOf(error: unknown): Facts {
  if (isOutOfMemory(error)) return factsOf(memoryShort("The run failed", error));
  if (error instanceof PatchscopesError) {
    const status = error.exitStatus;
    return {
      message: error.message,
      hint: error.hint ?? (status === 2 ? HELP : undefined),
      status,
    };
  }
  if (error instanceof CommanderError) return usageFacts(error);
  const message = error instanceof Error ? error.message : String(error);
  return {
    message: `${message} (this is a bug)`,
    hint: "Run it again with --debug and report what it prints.",
    status: 1,
  };
}

/** JavaScript has no error of its own for it. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError && /allocation failed/iu.test(error.message);
}

function usageFacts(error: CommanderError): Facts {
  if (error.exitCode === 0) return { message: undefined, hint: undefined, status: 0 };
  // Commander's own suggestion stands on a line of its own.
  const [message = "", suggestion] = error.message.replace(/^error: /u, "").split("\n");
  return {
    message,
    hint: suggestion?.replace(/^\((.*)\)$/u, "$1") ?? HELP,
    status: 2,
  };
}

/** The stack of an error, of each of those that it is made of, and of its cause. */
function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const parts: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return [
    error.stack ?? error.message,
    ...parts.map((part, index) => `part ${index + 1} of ${parts.length}: ${traceOf(part)}`),
    ...(error.cause === undefined ? [] : [`caused by: ${traceOf(error.cause)}`]),
  ].join("\n");
}
