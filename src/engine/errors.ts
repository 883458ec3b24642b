/** Sentences for passes that ask for something impossible. */
import { PatchscopesError } from "../errors.ts";
import { SITES } from "../site.ts";

/** An index that must be a whole number from 0 to `count - 1`. */
export function indexOutOfRange(facts: {
  readonly what: string;
  readonly index: number;
  readonly count: number;
}): PatchscopesError {
  const { what, index, count } = facts;
  return new PatchscopesError({
    code: "engine",
    message: `${what} ${index} does not exist: expected 0 to ${count - 1}.`,
  });
}

/** A list or an array that has another size than its place asks for. */
export function wrongSize(facts: {
  readonly what: string;
  readonly expected: number;
  readonly got: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `${facts.what} has ${facts.got} entries: expected ${facts.expected}.`,
  });
}

export function emptyPass(): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: "The pass computes nothing: expected at least one row and a length of at least 1.",
  });
}

export function rowsNotAscending(facts: {
  readonly row: number;
  readonly entry: number;
  readonly previous: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `Row ${facts.row} enters at block ${facts.entry}, the one before it at ${facts.previous}.`,
    hint: "Sort the rows of a pass by the block at which they enter.",
  });
}

export function patchBeforeEntry(facts: {
  readonly row: number;
  readonly layer: number;
  readonly entry: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `Layer ${facts.layer} of row ${facts.row} cannot be patched: the row enters at block ${facts.entry}.`,
    hint: "Let the row enter at the patched layer or before.",
  });
}

export function blockedBeforeEntry(facts: {
  readonly row: number;
  readonly layer: number;
  readonly entry: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `An edge of row ${facts.row} cannot be blocked in layer ${facts.layer}: the row enters at block ${facts.entry}.`,
    hint: "Let the row enter at that layer or before.",
  });
}

/** A token all of whose looks are blocked: there is no softmax of nothing. */
export function nothingToSee(facts: {
  readonly layer: number;
  readonly row: number;
  readonly from: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `Token ${facts.from} of row ${facts.row} is left with nothing to look at in layer ${facts.layer}.`,
    hint: "Leave at least one edge open, for instance that to the token itself.",
  });
}

/** A patch of what attention has of each head, or of a site that there is not. */
export function readOnlySite(site: string): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `${site} cannot be patched: expected a site of the residual stream, or what is added to it.`,
    hint: `Patch one of ${SITES.join(", ")}; what belongs to a head can only be read.`,
  });
}

/** A tap of what attention has of each head, on an engine that was made without it. */
export function headsNotOpen(site: string): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `${site} cannot be read: the model was loaded without what belongs to heads.`,
    hint: "Load it with the option { heads: true }; loading takes a little longer then.",
  });
}

/** A tap or patch between attention and MLP where both read the same. */
export function noStateBetween(): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: "resid_mid does not exist in a parallel block: attention and MLP read the same state.",
    hint: "Use resid_pre or resid_post, or attn_out and mlp_out.",
  });
}

/** A pass that reaches beyond the last position that a model has learned. */
export function beyondPositions(facts: {
  readonly end: number;
  readonly maxPositions: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `The pass reaches over ${facts.end} tokens, and the model has learned ${facts.maxPositions} positions.`,
    hint: "Take a shorter prompt, or generate fewer tokens.",
  });
}

export function contextOfSeveralRows(rows: number): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `The context has ${rows} rows: expected a cache of one row.`,
    hint: "Select the row that the others stand behind.",
  });
}

/** Probabilities of rows that look at different numbers of tokens are no array. */
export function patternOfRagged(): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: "pattern cannot be read of rows with contexts or lengths of their own.",
    hint: "Run such rows in passes of their own.",
  });
}

/** The context is shorter than what a pass takes from it. */
export function contextTooShort(facts: {
  readonly needed: number;
  readonly got: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `The context holds ${facts.got} tokens: expected ${facts.needed}.`,
    hint: "A kept row that enters above block 0 needs a context that reaches over the row itself.",
  });
}

export function cacheDisposed(): PatchscopesError {
  return new PatchscopesError({ code: "engine", message: "The cache has been disposed of." });
}

export function foreignCache(): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: "The cache belongs to another engine.",
    hint: "A cache can only be used by the engine that made it.",
  });
}

export function engineDisposed(): PatchscopesError {
  return new PatchscopesError({ code: "engine", message: "The engine has been disposed of." });
}

/** The caller stopped an engine from being made. */
export function loadingStopped(cause: unknown): PatchscopesError {
  return new PatchscopesError({
    code: "aborted",
    message: "Loading the model was stopped.",
    cause,
  });
}

export function passAborted(cause: unknown): PatchscopesError {
  return new PatchscopesError({ code: "aborted", message: "The pass was stopped.", cause });
}

/** A precision that the device has no arithmetic for. */
export function float16Missing(device: string): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `The device "${device}" does not compute in float16.`,
    hint: `Use the precision "quantized", which needs less memory still, or "float32": every device has them.`,
  });
}

/** A matrix whose products may be larger than float16 can say. */
export function beyondFloat16(facts: {
  readonly layer: string;
  readonly row: number;
  readonly sum: number;
}): PatchscopesError {
  return new PatchscopesError({
    code: "engine",
    message: `The weights of ${facts.layer} do not fit float16: row ${facts.row} adds up to ${facts.sum.toPrecision(3)}, and its largest number is 65504.`,
    hint: `Use the precision "float32" or "quantized".`,
  });
}
