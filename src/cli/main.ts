#!/usr/bin/env node
/** The process: signals, streams, exit status. All else is program.ts. */
import { runCommandLine } from "./program.ts";
import { endWithReader, processTerminal } from "./terminal.ts";

const STOPPED = 130;

endWithReader();
const stop = new AbortController();
process.on("SIGINT", () => {
  // The first stops the work where nothing is left half-done; who presses again wants out now.
  if (stop.signal.aborted) process.exit(STOPPED);
  stop.abort();
});
process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: processTerminal(),
  signal: stop.signal,
});
