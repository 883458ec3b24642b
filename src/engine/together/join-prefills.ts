/** Prefills of several runs as one: their rows, each as long and behind what it was, and what each run gets of the output. */
import type { Architecture } from "../architecture.ts";
import {
  enteredBy,
  entryOf,
  fillUp,
  lengthOf,
  startOf,
  type Context,
  type PassOutput,
  type PrefillPass,
  type Row,
  type Tap,
} from "../engine.ts";
import { isSite } from "../../site.ts";
import { joinReads } from "./join-reads.ts";
import { RunCache } from "./run-cache.ts";
import { foreignCache } from "../errors.ts";

/** One pass in the place of several. */
export interface JoinedPrefills {
  readonly pass: PrefillPass;
  /** Which of its rows are each pass's. */
  readonly rows: readonly (readonly number[])[];
  /** What each pass gets, but for the cache. */
  readonly cut: (output: PassOutput) => readonly Omit<PassOutput, "cache">[];
}

/** What passes must have in common to be joined; undefined for one that runs alone. */
export function prefillKey({ context, taps = [], read, keep }: PrefillPass): string | undefined {
  if (taps.some(({ site }) => !isSite(site))) return undefined;
  return JSON.stringify([
    context === undefined,
    keep === true,
    read && [read.topK, read.logits === true],
  ]);
}

/** What a pass of whole texts asks, where nothing is written into them: passes that ask the same get the same. */
export function askedBy(pass: PrefillPass): string | undefined {
  const { rows, context, patches = [], read, ...asked } = pass;
  const isPlain =
    context === undefined && patches.length === 0 && rows.every((row) => "tokens" in row);
  const tracked = read?.tracked && [...read.tracked];
  return isPlain ? JSON.stringify({ ...asked, rows, read: { ...read, tracked } }) : undefined;
}

/** Joins passes with one key, whose contexts are rows of one cache. */
export function joinPrefills(
  passes: readonly PrefillPass[],
  architecture: Architecture,
): JoinedPrefills {
  const { hiddenSize } = architecture;
  const length = Math.max(...passes.map((pass) => pass.length));
  const all = passes
    .flatMap((pass, index) => pass.rows.map((row, own): JoinedRow => ({ pass, index, row, own })))
    .toSorted((a, b) => entryOf(a.row) - entryOf(b.row));
  const rows = passes.map((pass) => pass.rows.map(() => 0));
  for (const [at, { index, own }] of all.entries()) {
    const ofPass = rows[index];
    if (ofPass !== undefined) ofPass[own] = at;
  }
  const rowOf = (index: number, row: number): number => rows[index]?.[row] ?? 0;
  const lengths = all.map(({ pass, own }) => lengthOf(pass, own));
  const taps = distinct(passes.flatMap((pass) => pass.taps ?? []));
  const reads = passes.map(({ read }, index) => ({
    read,
    rowOf: (row: number) => rowOf(index, row),
  }));
  const { read, cut } = joinReads(reads);
  const first = passes[0];
  return {
    rows,
    pass: {
      kind: "prefill",
      length,
      ...(lengths.some((own) => own < length) && { lengths }),
      ...contextOf(passes, all),
      rows: all.map(({ row }) => filledUp(row, length, hiddenSize)),
      patches: passes.flatMap(({ patches = [] }, index) =>
        patches.map((patch) => ({ ...patch, row: rowOf(index, patch.row) })),
      ),
      blocked: passes.flatMap(({ blocked = [] }, index) =>
        blocked.map((edge) => ({ ...edge, row: rowOf(index, edge.row) })),
      ),
      taps,
      ...(read && { read }),
      keep: first?.keep ?? false,
    },
    cut: (output) => {
      const readOuts = cut(output.read);
      return passes.map((pass, index) => ({
        taps: (pass.taps ?? []).map((tap) =>
          cutTap(output.taps[taps.findIndex((each) => isSame(each, tap))], {
            ...{ tap, pass, length, hiddenSize, rows: rows[index] ?? [] },
          }),
        ),
        read: readOuts[index],
      }));
    },
  };
}

/** A row of a pass among all. */
interface JoinedRow {
  readonly pass: PrefillPass;
  /** The pass's place. */
  readonly index: number;
  readonly row: Row;
  /** Its place in the pass. */
  readonly own: number;
}

/** One context where all rows stand behind the same, else each row's own. */
function contextOf(
  passes: readonly PrefillPass[],
  all: readonly JoinedRow[],
): { readonly context?: Context } {
  const context = passes[0]?.context;
  if (context === undefined) return {};
  const { joint } = ofRun(context).at;
  const rows = all.map(({ pass, own }) => ({
    row: (pass.context && placeOf(pass.context, own)) ?? -1,
    length: startOf(pass, own),
  }));
  const [first] = rows;
  const isOne = rows.every(({ row, length }) => row === first?.row && length === first.length);
  if (isOne && !("rows" in context)) {
    return { context: { cache: ofRun(context).alone(), length: context.length } };
  }
  return { context: { cache: joint.cache, rows } };
}

/** Which row of the joint cache is before a row of a pass. */
function placeOf(context: Context, own: number): number | undefined {
  const row = "rows" in context ? context.rows[own]?.row : 0;
  return row === undefined ? undefined : ofRun(context).at.rows[row];
}

/** The cache of a context. Throws `engine` where another engine made it. */
export function ofRun({ cache }: Pick<Context, "cache">): RunCache {
  if (cache instanceof RunCache) return cache;
  throw foreignCache();
}

function filledUp(row: Row, length: number, hiddenSize: number): Row {
  if ("tokens" in row) {
    return { tokens: fillUp(row.tokens, length) };
  }
  if (row.states.length === length * hiddenSize) return row;
  const states = new Float32Array(length * hiddenSize);
  states.set(row.states);
  return { entry: row.entry, states };
}

/** What a pass's own rows have of a tap. */
function cutTap(
  numbers: Float32Array | undefined,
  of: {
    readonly tap: Tap;
    readonly pass: PrefillPass;
    /** Tokens of the joined pass's rows. */
    readonly length: number;
    readonly hiddenSize: number;
    readonly rows: readonly number[];
  },
): Float32Array {
  const { tap, pass, length, hiddenSize, rows } = of;
  const count = enteredBy(tap.layer, pass.rows.map(entryOf));
  const width = pass.length * hiddenSize;
  const out = new Float32Array(count * width);
  for (const [index, row] of rows.slice(0, count).entries()) {
    const from = row * length * hiddenSize;
    out.set(numbers?.subarray(from, from + width) ?? [], index * width);
  }
  return out;
}

function distinct(taps: readonly Tap[]): readonly Tap[] {
  return taps.filter((tap, index) => taps.findIndex((each) => isSame(each, tap)) === index);
}

function isSame(a: Tap, b: Tap): boolean {
  return a.site === b.site && a.layer === b.layer;
}
