/**
 * The table of a run on the screen: the words as soon as they are there, then in their place the same with
 * evidence. In a pipe or a file there is only the second.
 */
import type { PatchscopeResult } from "../result/result.ts";
import { table } from "../render/table.ts";
import type { Terminal } from "./terminal.ts";

export interface LiveTable {
  /** Shows what is there, in the place of what was shown before: texts may grow, evidence is still to come. */
  words(result: PatchscopeResult): void;
  /** Puts the whole table in their place. */
  finish(result: PatchscopeResult): void;
}

/** Lines of the screen that a redrawn table leaves free: for the progress bar and the cursor. */
const SPARE_LINES = 3;
// Narrower terminals break lines, and then nobody knows how far to go up.
const MIN_WIDTH = 48;

/** A table that redraws itself where the terminal allows it. */
export function liveTable(terminal: Terminal): LiveTable {
  let drawn = 0;
  const draw = (result: PatchscopeResult, isPartial: boolean): string =>
    table(result, { ...terminal, isPartial });
  return {
    words: (result) => {
      if (terminal.height === undefined || terminal.width < MIN_WIDTH) return;
      const lines = clipped(draw(result, true).split("\n"), terminal.height - SPARE_LINES);
      const text = lines.join("\n");
      terminal.print(drawn === 0 ? `${text}\n` : over(drawn, text));
      drawn = lines.length;
    },
    finish: (result) => {
      const text = draw(result, false);
      terminal.print(drawn === 0 ? `${text}\n` : over(drawn, text));
    },
  };
}

function clipped(lines: readonly string[], height: number): readonly string[] {
  if (lines.length <= height) return lines;
  const kept = Math.max(1, height - 1);
  return [...lines.slice(0, kept), `(${lines.length - kept} more lines)`];
}

/** Writes over the last `lines` lines. Clearing them first would flicker, and tmux would keep a copy. */
function over(lines: number, text: string): string {
  return `\r\u001b[${lines}A${text.replaceAll("\n", "\u001b[K\n")}\u001b[K\n\u001b[0J`;
}
