/**
 * The port to anything that can run a decoder with its hidden states open: one call runs one pass.
 * An engine knows layers, rows and vectors; it knows nothing of prompts, presets or Patchscopes.
 *
 * Rows join the stack: a row may enter at block 0 with token ids, or at any later block with the states
 * that this block reads. As a rule all rows of a pass have the same length and stand behind the same context; but
 * each may be of its own length, and behind a context of its own.
 */
import type { ReadSite, Site } from "../site.ts";
import type { Architecture } from "./architecture.ts";

/**
 * How weights are kept: `float32`; `quantized`, 4 or 8 bits as they are stored; `float16`, with products in float16 and all
 * else in float32; `int8`, with products of 8-bit integers, inputs rounded too.
 */
export type Precision = "float32" | "quantized" | "float16" | "int8";

export interface EngineInfo {
  readonly name: string;
  readonly device: string;
  readonly version: string;
  readonly precision: Precision;
}

/**
 * Reads `site` of `layer` for every row that is in the stack there. An engine may refuse what belongs to heads unless it
 * was made for that.
 */
export interface Tap {
  readonly site: ReadSite;
  readonly layer: number;
}

/** Overwrites one hidden state; what belongs to a head can only be read. A later patch of the same place wins. */
export interface Patch {
  readonly site: Site;
  readonly layer: number;
  /** Index into the pass's rows. The row must have entered at `layer` or before. */
  readonly row: number;
  /** Offset inside the row, 0 … length - 1. */
  readonly offset: number;
  /** `[hidden]`; not kept after the pass. */
  readonly vector: Float32Array;
}

/**
 * A look of attention that does not happen, in any head of one layer: the score becomes -inf before the softmax. One that
 * causality or a window hides anyway may be named too; a token must be left with something to look at.
 */
export interface Edge {
  readonly layer: number;
  /** Index into the pass's rows. The row must have entered at `layer` or before. */
  readonly row: number;
  /** The token that looks: its offset inside the row, 0 … length - 1. */
  readonly from: number;
  /** The token that is not looked at: its position from the start of the text, shared context included. */
  readonly to: number;
}

/** A row that starts from token ids enters at block 0; one that starts from states, at `entry`. */
export type Row =
  | { readonly tokens: readonly number[] }
  | {
      /** Block that reads `states` first; `layers` for a row that only needs its read-out. */
      readonly entry: number;
      /** `[length, hidden]`: what block `entry` reads (`resid_pre`). */
      readonly states: Float32Array;
    };

/** What to compute from the final states (final norm and output matrix). All numbers are natural logarithms. */
export interface Read {
  /** Which token of which row. */
  readonly at: readonly { readonly row: number; readonly offset: number }[];
  /** How many of the most probable tokens; 0 for none. */
  readonly topK: number;
  /** For each entry of `at`, a token whose log-probability is wanted. */
  readonly tracked?: Int32Array;
  /** Also return the logits. Large: `[at, vocab]`. */
  readonly logits?: boolean;
}

export interface ReadOut {
  /** `[at, topK]`, most probable first; equal logits in the order of their ids. */
  readonly topTokens: Int32Array;
  /** `[at, topK]` */
  readonly topLogprobs: Float32Array;
  /** `[at]` */
  readonly trackedLogprobs?: Float32Array;
  /** `[at, vocab]` */
  readonly logits?: Float32Array;
}

/**
 * Keys and values of some rows, from which later passes go on. Lives in the engine that made it,
 * until `dispose`.
 */
export interface Cache {
  readonly rows: number;
  /** Tokens before the next one, shared ones included; of the longest row. */
  readonly length: number;
  /** `[rows]`: the same of each. */
  readonly lengths: readonly number[];
  dispose(): void;
}

/**
 * What stands before the rows of a pass. A kept row that enters at a later block takes the keys and values of the blocks
 * below from the same place, so there the cache's row must reach over it too.
 */
export type Context =
  /** The first `length` tokens of a one-row cache before every row: computed with once for all. */
  | { readonly cache: Cache; readonly length: number }
  /** `[rows of the pass]`: before each row the first tokens of a row of its own. */
  | { readonly cache: Cache; readonly rows: readonly ContextRow[] };

export interface ContextRow {
  /** Of the cache. */
  readonly row: number;
  readonly length: number;
}

/** Runs several tokens of every row. */
export interface PrefillPass {
  readonly kind: "prefill";
  readonly context?: Context;
  /** Tokens of each row. */
  readonly length: number;
  /**
   * `[rows]`: how many of them are the row's own, where some rows have fewer; what fills them up leads to nothing, but
   * for numbers without a meaning in the taps.
   */
  readonly lengths?: readonly number[];
  /** In ascending order of their entry. */
  readonly rows: readonly Row[];
  readonly patches?: readonly Patch[];
  readonly blocked?: readonly Edge[];
  readonly taps?: readonly Tap[];
  readonly read?: Read;
  /** Keep keys and values for later passes. */
  readonly keep?: boolean;
}

/** Runs one more token of every row of a cache, and lengthens the cache by it. */
export interface DecodePass {
  readonly kind: "decode";
  readonly cache: Cache;
  /** `[rows]` */
  readonly tokens: Int32Array;
  /** Looks of the new token. */
  readonly blocked?: readonly Omit<Edge, "from">[];
  readonly read: Read;
}

export type Pass = PrefillPass | DecodePass;

export interface PassOutput {
  /**
   * For each tap, in their order: `[rows in the stack at that layer × length, hidden]`. Rows enter in
   * ascending order, so these are the pass's first rows. In place of `hidden`, `q` and `z` have `heads, headSize`,
   * `k` and `v` have `kvHeads, headSize`. `pattern` is `[rows, heads, length, context + length]`, and cannot be read of rows
   * with contexts or lengths of their own.
   */
  readonly taps: readonly Float32Array[];
  readonly read: ReadOut | undefined;
  readonly cache: Cache | undefined;
}

/** Row by row: `data` is `[rows, columns]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** Which factor of a product is transposed first. */
export type Transposed = "neither" | "left" | "right";

export interface Engine {
  readonly info: EngineInfo;
  readonly architecture: Architecture;
  run(pass: Pass, signal?: AbortSignal): Promise<PassOutput>;
  /** A product of any two matrices in float32; only where that is faster than JavaScript. */
  multiply?(left: Matrix, right: Matrix, transposed: Transposed): Promise<Float32Array>;
  /** A cache of some of another's rows, in the order given. The other one stays as it is. */
  select(cache: Cache, rows: readonly number[]): Cache;
  dispose(): Promise<void>;
}

/** How many rows are in the stack at a block. */
export function enteredBy(layer: number, entries: readonly number[]): number {
  return entries.filter((entry) => entry <= layer).length;
}

/** Where a row's own tokens begin in its text: how long its context is. */
export function startOf({ context }: PrefillPass, row: number): number {
  if (context === undefined) return 0;
  return "rows" in context ? (context.rows[row]?.length ?? 0) : context.length;
}

/** How many tokens of a pass are a row's own. */
export function lengthOf({ length, lengths }: PrefillPass, row: number): number {
  return lengths?.[row] ?? length;
}

/** Fills a row up on the right with a token that nothing before it can see. */
export function fillUp(tokens: readonly number[], length: number): number[] {
  return Array.from({ length }, (_, index) => tokens[index] ?? 0);
}

/** The block at which a row enters the stack. */
export function entryOf(row: Row): number {
  return "entry" in row ? row.entry : 0;
}
