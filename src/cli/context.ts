/** What every command is given beside its options. */
import type { Terminal } from "./terminal.ts";

export interface CommandContext {
  readonly terminal: Terminal;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}
