/**
 * What a fit has summed so far, in a file beside its output, so that the same command goes on where it was stopped. The
 * bytes: a line of JSON, then the sums as float64, as they lie in memory, then the maps that are ready, as `fit` writes them.
 */
import { createHash } from "node:crypto";
import { readFile, stat, unlink } from "node:fs/promises";
import * as z from "zod";
import { PatchscopesError } from "../errors.ts";
import type { FittedMapping } from "../mapping/fitted-mapping.ts";
import { readMapping, writeMapping } from "../mapping/mapping-file.ts";
import type { KeptSums } from "../run/fit-mapping.ts";
import type { CommandContext } from "./context.ts";
import { openOutput } from "./output.ts";
import type { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** Sums are kept after so many passes. */
const KEEP_EVERY = 16;

const count = z.int().min(0);
const headerSchema = z.object({
  version: z.literal(1),
  key: z.string(),
  texts: z.array(z.array(count)),
  batches: count,
  /** States and lengths of the sums, for each of them. */
  moments: z.array(z.object({ states: count, lengths: z.array(count) })),
  /** Bytes of the maps that are ready. */
  fitted: count.default(0),
});

/** Texts of a fit, and what was summed over the first of them. */
export interface StoppedFit {
  readonly texts: readonly (readonly number[])[];
  readonly sums: KeptSums;
}

/** What a fit's sums follow from, and how its maps are written. */
export interface FitIdentity {
  /** Options, texts and weights, as JSON has them; where they are others, a fit starts anew. */
  readonly facts: object;
  /** What a mapping says beside its maps, of a fit that has some of them before others. */
  readonly mapping?: Omit<FittedMapping, "pairs">;
}

/** Keeps sums in a file, from the texts on. */
export interface FitPart {
  readonly stopped: StoppedFit | undefined;
  /** Called behind every pass, with all sums. */
  readonly onSums: (texts: StoppedFit["texts"]) => (sums: KeptSums) => Promise<void>;
  /** Called with what stopped the fit: keeps what there is, and says so, where somebody stopped it. */
  readonly stop: (error: unknown) => Promise<void>;
}

/** Removes the part beside an output file that is whole. */
export async function removePart(out: string): Promise<void> {
  await unlink(partOf(out)).catch(() => undefined);
}

/** Fits as `fit` does; what a stopped fit has kept beside the output, if there is one, is used again. */
export async function withPart<T>(
  out: string | undefined,
  identity: () => Promise<FitIdentity>,
  { context, progress }: { readonly context: CommandContext; readonly progress: Progress },
  fit: (part: FitPart | undefined) => Promise<T>,
): Promise<T> {
  const terminal: Terminal = {
    ...context.terminal,
    note: (text) => {
      // A bar would take the line with it.
      progress.clear();
      context.terminal.note(text);
    },
  };
  const part = out === undefined ? undefined : await openPart(out, await identity(), terminal);
  try {
    return await fit(part);
  } catch (error) {
    await part?.stop(error);
    throw error;
  }
}

function partOf(out: string): string {
  return `${out}.part`;
}

/** The part beside an output file, and what a stopped fit left in it. */
export async function openPart(
  out: string,
  identity: FitIdentity,
  terminal: Terminal,
): Promise<FitPart | undefined> {
  const facts = await stat(out).catch(() => undefined);
  // Beside a device or a pipe there is no place for it.
  if (facts !== undefined && !facts.isFile()) return undefined;
  const path = partOf(out);
  const { mapping } = identity;
  const key = createHash("sha256").update(JSON.stringify(identity.facts)).digest("hex");
  const stopped = await readPart(path, key, terminal);
  let latest: StoppedFit | undefined;
  let passes = 0;
  let isThere = stopped !== undefined;
  const keep = async (): Promise<void> => {
    if (latest === undefined) return;
    const kept = latest;
    latest = undefined;
    await (await openOutput(path, terminal)).write(bytesOf(kept, { key, mapping }));
    isThere = true;
  };
  return {
    stopped,
    onSums: (texts) => {
      // What was written is kept before it is read.
      if (stopped === undefined && texts.length > 0) latest = { texts, sums: NO_SUMS };
      return async (sums) => {
        latest = { texts, sums };
        passes++;
        // Behind the last batch sums are changed, and freed, when maps are made of them; the file has them by then.
        if (sums.isAll || passes % KEEP_EVERY === 0) await keep();
      };
    },
    stop: async (error) => {
      if (!(error instanceof PatchscopesError) || error.code !== "aborted") return;
      await keep();
      if (isThere)
        terminal.note(`${path} keeps what was read: the same command goes on from it.\n`);
    },
  };
}

const NO_SUMS: KeptSums = { batches: 0, isAll: false, moments: [] };

function bytesOf(
  { texts, sums }: StoppedFit,
  { key, mapping }: { readonly key: string; readonly mapping: FitIdentity["mapping"] },
): readonly Uint8Array[] {
  const { batches, moments, fitted: pairs = [] } = sums;
  const maps = mapping !== undefined && pairs.length > 0 ? writeMapping({ ...mapping, pairs }) : [];
  const header: z.infer<typeof headerSchema> = {
    version: 1,
    key,
    texts: texts.map((text) => [...text]),
    batches,
    moments: moments.map((each) => ({
      states: each.states,
      lengths: each.sums.map((sum) => sum.length),
    })),
    fitted: maps.reduce((length, bytes) => length + bytes.length, 0),
  };
  const numbers = moments
    .flatMap((each) => each.sums)
    .map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return [new TextEncoder().encode(`${JSON.stringify(header)}\n`), ...numbers, ...maps];
}

async function readPart(
  path: string,
  key: string,
  terminal: Terminal,
): Promise<StoppedFit | undefined> {
  const bytes = await bytesIn(path);
  if (bytes === undefined) return undefined;
  const stopped = await parsedPart(bytes, key);
  terminal.note(
    stopped === undefined
      ? `${path} is of another fit, with other options or texts: starting anew.\n`
      : `Going on from ${path}, where the same fit was stopped.\n`,
  );
  return stopped;
}

async function bytesIn(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch(() => undefined);
}

/** Nothing for the bytes of another fit, or of none. */
async function parsedPart(bytes: Uint8Array, key: string): Promise<StoppedFit | undefined> {
  const end = bytes.indexOf("\n".charCodeAt(0));
  const header = headerSchema.safeParse(jsonOf(bytes.subarray(0, Math.max(0, end)))).data;
  if (header?.key !== key) return undefined;
  const lengths = header.moments.flatMap((each) => each.lengths);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const maps = end + 1 + total * Float64Array.BYTES_PER_ELEMENT;
  if (bytes.length !== maps + header.fitted) return undefined;
  // A copy, for it begins at a multiple of eight bytes.
  const numbers = new Uint8Array(bytes.subarray(end + 1, maps));
  let at = 0;
  const next = (length: number): Float64Array => {
    const own = new Float64Array(numbers.buffer, numbers.byteOffset + at, length);
    at += own.byteLength;
    return own;
  };
  const moments = header.moments.map(({ states, lengths }) => ({
    states,
    sums: lengths.map(next),
  }));
  const sums = { batches: header.batches, isAll: false, moments };
  if (header.fitted === 0) return { texts: header.texts, sums };
  const ready = new Uint8Array(bytes.subarray(maps));
  const mapping = await readMapping("the maps that are ready", ready).catch(() => undefined);
  return mapping && { texts: header.texts, sums: { ...sums, fitted: mapping.pairs } };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
