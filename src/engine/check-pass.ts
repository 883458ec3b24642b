/** Refuses passes that ask for something impossible, before anything is computed. Looks into no cache. */
import { isSite, type ReadSite } from "../site.ts";
import type { Architecture } from "./architecture.ts";
import {
  entryOf,
  lengthOf,
  startOf,
  type Context,
  type DecodePass,
  type Edge,
  type Patch,
  type PrefillPass,
  type Read,
  type Row,
} from "./engine.ts";
import {
  beyondPositions,
  blockedBeforeEntry,
  contextOfSeveralRows,
  contextTooShort,
  emptyPass,
  indexOutOfRange,
  noStateBetween,
  nothingToSee,
  patternOfRagged,
  patchBeforeEntry,
  readOnlySite,
  rowsNotAscending,
  wrongSize,
} from "./errors.ts";

/** Throws `engine` where a prefill cannot be run. */
export function checkPrefill(pass: PrefillPass, architecture: Architecture): void {
  if (pass.rows.length === 0 || !(pass.length >= 1)) {
    throw emptyPass();
  }
  checkRows(pass, architecture);
  checkContext(pass);
  const starts = pass.rows.map((_, row) => startOf(pass, row));
  const ends = starts.map((start, row) => start + lengthOf(pass, row));
  checkPositions(Math.max(...ends), architecture);
  for (const patch of pass.patches ?? []) {
    checkPatch(patch, pass, architecture);
  }
  checkBlocked(
    pass.blocked ?? [],
    { entries: pass.rows.map(entryOf), starts, length: pass.length },
    architecture,
  );
  for (const tap of pass.taps ?? []) {
    checkIndex("Layer", tap.layer, architecture.layers);
    checkSite(tap.site, architecture);
    if (tap.site === "pattern" && isRagged(pass)) throw patternOfRagged();
  }
  if (pass.read !== undefined) {
    checkRead(
      pass.read,
      pass.rows.map((_, row) => lengthOf(pass, row)),
      architecture,
    );
  }
}

/** Throws `engine` where a decode cannot be run. */
export function checkDecode(pass: DecodePass, architecture: Architecture): void {
  checkSize("The list of tokens", pass.tokens.length, pass.cache.rows);
  for (const token of pass.tokens) {
    checkIndex("Token", token, architecture.vocabSize);
  }
  checkPositions(pass.cache.length + 1, architecture);
  checkBlocked(
    (pass.blocked ?? []).map((edge) => ({ ...edge, from: 0 })),
    {
      entries: Array.from({ length: pass.cache.rows }, () => 0),
      starts: pass.cache.lengths,
      length: 1,
    },
    architecture,
  );
  checkRead(
    pass.read,
    Array.from({ length: pass.cache.rows }, () => 1),
    architecture,
  );
}

/** Whether rows have contexts or lengths of their own. */
export function isRagged({ context, lengths }: PrefillPass): boolean {
  return lengths !== undefined || (context !== undefined && "rows" in context);
}

/** Throws `engine` unless `index` is a whole number from 0 to `count - 1`. */
export function checkIndex(what: string, index: number, count: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw indexOutOfRange({ what, index, count });
  }
}

function checkSize(what: string, got: number, expected: number): void {
  if (got !== expected) {
    throw wrongSize({ what, expected, got });
  }
}

function checkRows(pass: PrefillPass, architecture: Architecture): void {
  let previous = 0;
  for (const [index, row] of pass.rows.entries()) {
    const entry = entryOf(row);
    checkIndex("Entry", entry, architecture.layers + 1);
    if (entry < previous) {
      throw rowsNotAscending({ row: index, entry, previous });
    }
    previous = entry;
    checkInput(row, pass.length, architecture);
  }
}

function checkInput(row: Row, length: number, architecture: Architecture): void {
  if ("states" in row) {
    checkSize("A row of states", row.states.length, length * architecture.hiddenSize);
    return;
  }
  checkSize("A row of tokens", row.tokens.length, length);
  for (const token of row.tokens) {
    checkIndex("Token", token, architecture.vocabSize);
  }
}

function checkContext(pass: PrefillPass): void {
  const { context, keep, rows, length, lengths } = pass;
  if (lengths !== undefined) {
    checkSize("The list of lengths", lengths.length, rows.length);
    for (const own of lengths) checkIndex("Length", own, length + 1);
  }
  const reach = context === undefined ? rows.map(() => 0) : checkBefore(context, rows.length);
  for (const [row, each] of rows.entries()) {
    const needed = startOf(pass, row) + lengthOf(pass, row);
    const got = reach[row] ?? 0;
    if (keep === true && got < needed && entryOf(each) > 0) throw contextTooShort({ needed, got });
  }
}

/** How long what stands before each row is, beyond the part that does. */
function checkBefore(context: Context, rows: number): readonly number[] {
  const { cache } = context;
  if (!("rows" in context)) {
    if (cache.rows !== 1) throw contextOfSeveralRows(cache.rows);
    checkIndex("Context length", context.length, cache.length + 1);
    return Array.from({ length: rows }, () => cache.length);
  }
  checkSize("The list of context rows", context.rows.length, rows);
  return context.rows.map(({ row, length }) => {
    checkIndex("Context row", row, cache.rows);
    const reach = cache.lengths[row] ?? 0;
    checkIndex("Context length", length, reach + 1);
    return reach;
  });
}

function checkPatch(patch: Patch, pass: PrefillPass, architecture: Architecture): void {
  checkIndex("Layer", patch.layer, architecture.layers);
  if (!isSite(patch.site)) {
    throw readOnlySite(patch.site);
  }
  checkSite(patch.site, architecture);
  checkIndex("Offset", patch.offset, pass.length);
  checkIndex("Row", patch.row, pass.rows.length);
  checkSize("A patch", patch.vector.length, architecture.hiddenSize);
  const row = pass.rows[patch.row];
  if (row !== undefined && entryOf(row) > patch.layer) {
    throw patchBeforeEntry({ row: patch.row, layer: patch.layer, entry: entryOf(row) });
  }
}

/** Edges must be there, and leave every token something to look at. */
function checkBlocked(
  blocked: readonly Edge[],
  pass: {
    readonly entries: readonly number[];
    /** Of each row. */
    readonly starts: readonly number[];
    readonly length: number;
  },
  architecture: Architecture,
): void {
  const { entries, starts, length } = pass;
  const queries = new Map<number, { readonly edge: Edge; readonly keys: Set<number> }>();
  for (const edge of blocked) {
    const { layer, row, from, to } = edge;
    checkIndex("Layer", layer, architecture.layers);
    checkIndex("Row", row, entries.length);
    checkIndex("Offset", from, length);
    checkIndex("Key", to, (starts[row] ?? 0) + length);
    const entry = entries[row] ?? 0;
    if (entry > layer) throw blockedBeforeEntry({ row, layer, entry });
    const query = (layer * entries.length + row) * length + from;
    const { keys } = queries.get(query) ?? { keys: new Set<number>() };
    queries.set(query, { edge, keys: keys.add(to) });
  }
  for (const { edge, keys } of queries.values()) {
    const self = (starts[edge.row] ?? 0) + edge.from;
    if (!keys.has(self)) continue;
    const { window } = architecture;
    const reach = window?.layers.has(edge.layer) === true ? window.size : Infinity;
    let key = self;
    while (key >= 0 && key > self - reach && keys.has(key)) key--;
    if (key < 0 || key <= self - reach) throw nothingToSee(edge);
  }
}

function checkSite(site: ReadSite, { block }: Architecture): void {
  if (site === "resid_mid" && block !== "sequential") {
    throw noStateBetween();
  }
}

/** Learned positions end somewhere. */
function checkPositions(end: number, { rope, maxPositions }: Architecture): void {
  if (rope === undefined && end > maxPositions) {
    throw beyondPositions({ end, maxPositions });
  }
}

function checkRead(read: Read, lengths: readonly number[], architecture: Architecture): void {
  for (const { row, offset } of read.at) {
    checkIndex("Row", row, lengths.length);
    checkIndex("Offset", offset, lengths[row] ?? 0);
  }
  checkIndex("Top", read.topK, architecture.vocabSize + 1);
  if (read.tracked !== undefined) {
    checkSize("The list of tracked tokens", read.tracked.length, read.at.length);
    for (const token of read.tracked) {
      checkIndex("Token", token, architecture.vocabSize);
    }
  }
}
