/** A terminal that keeps what is written to it. */
import type { Terminal } from "../../src/cli/terminal.ts";

export interface RecordingTerminal extends Terminal {
  /** What went to standard output. */
  readonly printed: () => string;
  /** What went to standard error. */
  readonly noted: () => string;
}

/** A pipe, unless `facts` say otherwise. */
export function recordingTerminal(facts: Partial<Terminal> = {}): RecordingTerminal {
  const printed: string[] = [];
  const noted: string[] = [];
  const decoder = new TextDecoder();
  return {
    width: 80,
    height: undefined,
    colour: false,
    unicode: true,
    hasProgressBars: false,
    print: (text) => void printed.push(text),
    printBytes: async (bytes) => void printed.push(decoder.decode(bytes)),
    note: (text) => void noted.push(text),
    ...facts,
    printed: () => printed.join(""),
    noted: () => noted.join(""),
  };
}
