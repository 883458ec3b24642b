/**
 * Straightforward uses of the engine port for tests: read states of a prompt, run a prompt with states
 * written into it in one of two ways, go on greedily.
 */
import { assert } from "../../src/errors.ts";
import type { Cache, Engine, Patch, PassOutput, Read, Row, Tap } from "../../src/engine/engine.ts";
import type { Site } from "../../src/site.ts";

/** A vector and where it is written. */
export interface StateWrite {
  readonly site: Site;
  readonly layer: number;
  readonly position: number;
  readonly vector: Float32Array;
}

export interface PatchedRun {
  /** `[length - from, vocab]` */
  readonly logits: Float32Array;
  /** The first position of `logits`. */
  readonly from: number;
  readonly greedy: readonly number[];
}

/** Runs a whole prompt from block 0. */
export function runPrompt(
  engine: Engine,
  tokens: readonly number[],
  options: {
    readonly taps?: readonly Tap[];
    readonly writes?: readonly StateWrite[];
    readonly keep?: boolean;
  } = {},
): Promise<PassOutput> {
  return engine.run({
    kind: "prefill",
    length: tokens.length,
    rows: [{ tokens }],
    taps: options.taps ?? [],
    patches: (options.writes ?? []).map((write) => patchAt(write, 0)),
    read: readAll(tokens.length),
    keep: options.keep ?? false,
  });
}

/** Writes into the prompt while it runs from block 0, then goes on greedily. */
export async function runFromBlockZero(
  engine: Engine,
  tokens: readonly number[],
  run: { readonly writes: readonly StateWrite[]; readonly steps: number },
): Promise<PatchedRun> {
  const output = await runPrompt(engine, tokens, { writes: run.writes, keep: true });
  return { from: 0, ...(await continueGreedily(engine, output, run.steps)) };
}

/**
 * Runs the clean prompt once and lets a row with the written states join above the last clean block,
 * behind the positions that no write can change.
 */
export async function runJoined(
  engine: Engine,
  tokens: readonly number[],
  run: { readonly writes: readonly StateWrite[]; readonly steps: number },
): Promise<PatchedRun> {
  const from = Math.min(...run.writes.map((write) => write.position));
  const entry = Math.min(...run.writes.map(entryAfter));
  const taps: Tap[] = entry === 0 ? [] : [{ site: "resid_post", layer: entry - 1 }];
  const clean = await runPrompt(engine, tokens, { taps, keep: true });
  assert(clean.cache, "a kept pass has a cache");
  const isBelow = (write: StateWrite): boolean => write.layer < entry;
  const output = await engine.run({
    kind: "prefill",
    context: { cache: clean.cache, length: from },
    length: tokens.length - from,
    rows: [joiningRow(tokens, { entry, from, clean, writes: run.writes.filter(isBelow) })],
    patches: run.writes.filter((write) => !isBelow(write)).map((write) => patchAt(write, from)),
    read: readAll(tokens.length - from),
    keep: true,
  });
  clean.cache.dispose();
  return { from, ...(await continueGreedily(engine, output, run.steps)) };
}

/** Reads logits and the most probable token at every offset of the first row. */
export function readAll(length: number): Read {
  return {
    at: Array.from({ length }, (_, offset) => ({ row: 0, offset })),
    topK: 1,
    logits: true,
  };
}

/** Adds one greedy token after another to every row, past any end of sequence: `[rows][steps]`. */
export async function decodeGreedily(
  engine: Engine,
  cache: Cache,
  run: { readonly first: Int32Array; readonly steps: number },
): Promise<number[][]> {
  const generated = Array.from(run.first, (token) => [token]);
  let tokens = run.first;
  for (let step = 1; step < run.steps; step += 1) {
    const at = Array.from(tokens, (_, row) => ({ row, offset: 0 }));
    const output = await engine.run({ kind: "decode", cache, tokens, read: { at, topK: 1 } });
    assert(output.read, "a decode pass is read");
    tokens = output.read.topTokens;
    for (const [row, token] of tokens.entries()) {
      generated[row]?.push(token);
    }
  }
  return generated;
}

async function continueGreedily(
  engine: Engine,
  output: PassOutput,
  steps: number,
): Promise<{ readonly logits: Float32Array; readonly greedy: readonly number[] }> {
  assert(output.read?.logits, "the pass read its logits");
  assert(output.cache, "the pass was kept");
  const first = output.read.topTokens.slice(-1);
  const [greedy] = await decodeGreedily(engine, output.cache, { first, steps });
  output.cache.dispose();
  return { logits: output.read.logits, greedy: greedy ?? [] };
}

function joiningRow(
  tokens: readonly number[],
  row: {
    readonly entry: number;
    readonly from: number;
    readonly clean: PassOutput;
    readonly writes: readonly StateWrite[];
  },
): Row {
  const [states] = row.clean.taps;
  if (states === undefined) {
    return { tokens: tokens.slice(row.from) };
  }
  const hiddenSize = states.length / tokens.length;
  const joining = states.slice(row.from * hiddenSize);
  for (const { position, vector } of row.writes) {
    joining.set(vector, (position - row.from) * hiddenSize);
  }
  return { entry: row.entry, states: joining };
}

/** The lowest block that must run to see the write. */
function entryAfter(write: StateWrite): number {
  return write.site === "resid_post" ? write.layer + 1 : write.layer;
}

function patchAt(write: StateWrite, from: number): Patch {
  const { site, layer, vector, position } = write;
  return { site, layer, row: 0, offset: position - from, vector };
}
