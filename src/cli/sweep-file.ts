/**
 * The file of a sweep: a line for each sample, in their order, each written when its result is there. What a stopped sweep
 * left in it is read again, held against the samples and gone on from.
 */
import { createReadStream } from "node:fs";
import { open, stat, truncate, type FileHandle } from "node:fs/promises";
import * as z from "zod";
import type { PatchscopeResult } from "../result/result.ts";
import { notWritable } from "./errors.ts";
import type { PlacedSample } from "./read-samples.ts";
import { fileOfAnother } from "./sweep-errors.ts";

/** What a line says of the run that it comes from. */
export interface KeptLine {
  readonly specHash: string;
  readonly models: readonly { readonly precision: string }[];
  readonly engine: PatchscopeResult["engine"];
}

/** The whole lines of a file that is of these samples. */
export interface KeptLines {
  readonly lines: readonly KeptLine[];
  /** Where they end; what is behind was cut in the middle. */
  readonly bytes: number;
}

const NOTHING: KeptLines = { lines: [], bytes: 0 };

// What can be looked at of a line without trusting it; where its hash is right, the rest is as it was written.
const lineSchema = z.looseObject({
  sample: z.record(z.string(), z.unknown()),
  version: z.literal(1),
  specHash: z.string(),
  models: z.array(z.looseObject({ precision: z.string() })),
  engine: z.object({ name: z.string(), device: z.string(), version: z.string() }),
  cells: z.array(z.unknown()),
});

/**
 * Reads the lines that are there. Throws `usage` for a file that is not of these samples.
 * @param onLine called with each result and its index
 */
export async function readKeptLines(
  path: string,
  samples: readonly PlacedSample[],
  onLine: (result: PatchscopeResult, index: number) => void,
): Promise<KeptLines> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isFile() !== true) return NOTHING;
  const lines: KeptLine[] = [];
  let bytes = 0;
  // Of a line whose end is still to come.
  let begun: Buffer[] = [];
  const stream = createReadStream(path, { highWaterMark: 2 ** 20 });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    begun.push(chunk);
    if (!chunk.includes(LINE_END)) continue;
    let at = 0;
    const read = Buffer.concat(begun);
    for (let end = read.indexOf(LINE_END); end >= 0; end = read.indexOf(LINE_END, at)) {
      const text = read.subarray(at, end).toString("utf8");
      const result = keptResult(path, text, lines.length, samples);
      onLine(result, lines.length);
      lines.push(result);
      at = end + 1;
    }
    bytes += at;
    begun = [read.subarray(at)];
  }
  checkCut(path, Buffer.concat(begun).toString("utf8"), lines.length, samples);
  return { lines, bytes };
}

const LINE_END = "\n".charCodeAt(0);

function keptResult(
  path: string,
  text: string,
  index: number,
  samples: readonly PlacedSample[],
): PatchscopeResult {
  const line = lineSchema.safeParse(jsonOf(text)).data;
  if (line === undefined) throw fileOfAnother(path, index + 1, "is no line of a sweep");
  const sample = samples[index];
  if (sample === undefined) {
    throw fileOfAnother(path, index + 1, "is of a sample more than there are");
  }
  if (JSON.stringify(line.sample) !== JSON.stringify(sample.fields)) {
    throw fileOfAnother(path, index + 1, `is not of the sample in line ${sample.line}`);
  }
  return line as unknown as PatchscopeResult;
}

/** What was cut in the middle has to begin as the next line would: else it is somebody's text, and stays. */
function checkCut(
  path: string,
  text: string,
  index: number,
  samples: readonly PlacedSample[],
): void {
  const sample = samples[index];
  const begin = sample && `{"sample":${JSON.stringify(sample.fields)},`;
  const shared = Math.min(text.length, begin?.length ?? 0);
  // A character of several bytes may be cut too.
  const cut = text.slice(0, shared).replace(/\ufffd+$/u, "");
  if (text === "" || begin?.startsWith(cut) === true) return;
  throw fileOfAnother(path, index + 1, "is no line of this sweep");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A file that grows by lines. */
export interface LineWriter {
  append(line: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file behind what is kept of it. Nothing is changed before the first line is there. */
export function lineWriter(path: string, { bytes }: Pick<KeptLines, "bytes">): LineWriter {
  let file: FileHandle | undefined;
  const opened = async (): Promise<FileHandle> => {
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isFile() === true) await truncate(path, bytes);
    return open(path, "a");
  };
  return {
    append: async (line) => {
      try {
        file ??= await opened();
        await file.appendFile(`${line}\n`);
      } catch (error) {
        throw notWritable(path, error);
      }
    },
    close: async () => file?.close(),
  };
}
