/**
 * The cells of a run beside its output while it goes on, so that the same command goes on where it was stopped, whatever
 * stopped it. The file: a line with what the cells follow from, then one for each cell that was read or scored.
 */
import { appendFileSync } from "node:fs";
import { readFile, stat, unlink } from "node:fs/promises";
import * as z from "zod";
import type { CellOutput } from "../run/run-plan.ts";
import type { CellStore } from "../run/run-spec.ts";
import { openOutput } from "./output.ts";
import type { Terminal } from "./terminal.ts";

const headerSchema = z.object({ version: z.literal(1), key: z.string() });
const lineSchema = z.object({ index: z.int().min(0), output: z.looseObject({}) });

/** A store that says what it has. */
export interface RunPart extends CellStore {
  /** Says how to go on, where something is there to go on from. */
  readonly stop: () => void;
  /** Takes the file away: the output is whole. */
  readonly remove: () => Promise<void>;
}

/** The part beside an output file; none beside a device or a pipe. */
export async function openRunPart(out: string, terminal: Terminal): Promise<RunPart | undefined> {
  const facts = await stat(out).catch(() => undefined);
  if (facts !== undefined && !facts.isFile()) return undefined;
  const path = `${out}.part`;
  let known: ReadonlyMap<number, CellOutput> = new Map();
  const kept = new Set<number>();
  let total = 0;
  return {
    open: async (key, count) => {
      total = count;
      known = await readPart(path, key, terminal);
      for (const index of known.keys()) kept.add(index);
      const header: z.infer<typeof headerSchema> = { version: 1, key };
      const lines = [header, ...Array.from(known, ([index, output]) => ({ index, output }))];
      await (
        await openOutput(path, terminal)
      ).writeText(lines.map((line) => JSON.stringify(line)).join("\n"));
      if (known.size > 0)
        terminal.note(`Going on from ${path}: ${known.size} of ${total} cells.\n`);
      return known;
    },
    keep: (cells) => {
      const fresh = cells.filter(({ index, output }) => known.get(index) !== output);
      if (fresh.length === 0) return;
      // At once: whatever ends the process next leaves whole lines.
      appendFileSync(path, `${fresh.map((cell) => JSON.stringify(cell)).join("\n")}\n`);
      for (const { index } of fresh) kept.add(index);
    },
    stop: () => {
      if (kept.size === 0) return;
      terminal.note(
        `${path} keeps ${kept.size} of ${total} cells: the same command goes on from there.\n`,
      );
    },
    remove: async () => {
      await unlink(path).catch(() => undefined);
    },
  };
}

/** The cells of a file, where it is of the same run; a line that was cut off is left out. */
async function readPart(
  path: string,
  key: string,
  terminal: Terminal,
): Promise<ReadonlyMap<number, CellOutput>> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return new Map();
  const [first = "", ...lines] = text.split("\n");
  if (headerSchema.safeParse(jsonOf(first)).data?.key !== key) {
    terminal.note(`${path} is of another run, of another spec or model: starting anew.\n`);
    return new Map();
  }
  const cells = new Map<number, CellOutput>();
  for (const line of lines) {
    const cell = lineSchema.safeParse(jsonOf(line)).data;
    // What stands there was written by this file, for a run of the same key.
    if (cell !== undefined) cells.set(cell.index, cell.output as unknown as CellOutput);
  }
  return cells;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
