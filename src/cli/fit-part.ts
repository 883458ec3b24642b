/**
 * What a fit has summed so far, in a file beside its output, so that the same command goes on where it was stopped. The
 * bytes: a line of JSON, then the sums as float64, as they lie in memory.
 */
import { readFile, stat, unlink } from "node:fs/promises";
import * as z from "zod";
import { PatchscopesError } from "../errors.ts";
import type { KeptSums } from "../run/fit-mapping.ts";
import { openOutput } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** Sums are kept after so many batches. */
const KEEP_EVERY = 16;

const count = z.int().min(0);
const headerSchema = z.object({
  version: z.literal(1),
  key: z.string(),
  texts: z.array(z.array(count)),
  batches: count,
  /** States and lengths of the sums, for each of them. */
  moments: z.array(z.object({ states: count, lengths: z.array(count) })),
});

/** Texts of a fit, and what was summed over the first of them. */
export interface StoppedFit {
  readonly texts: readonly (readonly number[])[];
  readonly sums: KeptSums;
}

/** Keeps sums in a file, from the texts on. */
export interface FitPart {
  readonly stopped: StoppedFit | undefined;
  /** Called behind every batch, with all sums. */
  readonly onSums: (texts: StoppedFit["texts"]) => (sums: KeptSums) => Promise<void>;
  /** Called with what stopped the fit: keeps what there is, and says so, where somebody stopped it. */
  readonly stop: (error: unknown) => Promise<void>;
}

/** Removes the part beside an output file that is whole. */
export async function removePart(out: string): Promise<void> {
  await unlink(partOf(out)).catch(() => undefined);
}

function partOf(out: string): string {
  return `${out}.part`;
}

/**
 * The part beside an output file, and what a stopped fit left in it.
 * @param key what the sums follow from, options and texts; another one starts anew
 */
export async function openPart(
  out: string,
  key: string,
  terminal: Terminal,
): Promise<FitPart | undefined> {
  const facts = await stat(out).catch(() => undefined);
  // Beside a device or a pipe there is no place for it.
  if (facts !== undefined && !facts.isFile()) return undefined;
  const path = partOf(out);
  const stopped = await readPart(path, key, terminal);
  let latest: StoppedFit | undefined;
  let isThere = stopped !== undefined;
  const keep = async (): Promise<void> => {
    if (latest === undefined) return;
    const kept = latest;
    latest = undefined;
    await (await openOutput(path, terminal)).write(bytesOf(key, kept));
    isThere = true;
  };
  return {
    stopped,
    onSums: (texts) => async (sums) => {
      latest = { texts, sums };
      // Behind the last batch sums are changed, and freed, when maps are made of them; the file has them by then.
      if (sums.isAll || sums.batches % KEEP_EVERY === 0) await keep();
    },
    stop: async (error) => {
      if (!(error instanceof PatchscopesError) || error.code !== "aborted") return;
      await keep();
      if (isThere)
        terminal.note(`${path} keeps what was read: the same command goes on from it.\n`);
    },
  };
}

function bytesOf(key: string, { texts, sums }: StoppedFit): readonly Uint8Array[] {
  const { batches, moments } = sums;
  const header: z.infer<typeof headerSchema> = {
    version: 1,
    key,
    texts: texts.map((text) => [...text]),
    batches,
    moments: moments.map((each) => ({
      states: each.states,
      lengths: each.sums.map((sum) => sum.length),
    })),
  };
  const numbers = moments
    .flatMap((each) => each.sums)
    .map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return [new TextEncoder().encode(`${JSON.stringify(header)}\n`), ...numbers];
}

async function readPart(
  path: string,
  key: string,
  terminal: Terminal,
): Promise<StoppedFit | undefined> {
  const bytes = await bytesIn(path);
  if (bytes === undefined) return undefined;
  const stopped = parsedPart(bytes, key);
  terminal.note(
    stopped === undefined
      ? `${path} is of another fit, with other options or texts: starting anew.\n`
      : `Going on from ${path}, behind batch ${stopped.sums.batches} of the texts.\n`,
  );
  return stopped;
}

async function bytesIn(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch(() => undefined);
}

/** Nothing for the bytes of another fit, or of none. */
function parsedPart(bytes: Uint8Array, key: string): StoppedFit | undefined {
  const end = bytes.indexOf("\n".charCodeAt(0));
  const header = headerSchema.safeParse(jsonOf(bytes.subarray(0, Math.max(0, end)))).data;
  if (header?.key !== key) return undefined;
  const lengths = header.moments.flatMap((each) => each.lengths);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  // A copy, for it begins at a multiple of eight bytes.
  const numbers = Uint8Array.from(bytes.subarray(end + 1));
  if (numbers.length !== total * Float64Array.BYTES_PER_ELEMENT) return undefined;
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
  return { texts: header.texts, sums: { batches: header.batches, isAll: false, moments } };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
