/**
 * One file from the Hub to its place on disk: goes on where an earlier try stopped, checks length and digest, and gives
 * the file its name only when it is whole.
 */
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { Hash } from "node:crypto";

import { beginDigest, type Digest } from "./digest.ts";
import { diskFull } from "./errors.ts";
import { fileBytes } from "./hub-cache.ts";
import { claimPartial, releasePartial } from "./partial.ts";
import { request, stopIfAborted, waitFor, type HubContext } from "./request.ts";
import { isDiskFull, SourceFailure } from "./source-failure.ts";

export interface Transfer {
  readonly url: string;
  readonly destination: string;
  readonly bytes: number;
  readonly digest: Digest;
  /** Told how many bytes are there, those of earlier tries included. */
  readonly onReceived: (bytes: number) => void;
}

const PROGRESS_BYTES = 8 * 2 ** 20; // a try that brought this much makes earlier failures forgotten

/** @throws SourceFailure, `aborted`, or the system's error; what was received is kept unless it is damaged */
export async function transferFile(transfer: Transfer, context: HubContext): Promise<void> {
  const partial = await claimPartial(transfer.destination);
  try {
    const piece = await Piece.open(partial, transfer);
    try {
      await receive(piece, transfer, context);
      await piece.sync();
    } finally {
      await piece.close();
    }
    await rename(partial, transfer.destination);
  } catch (error) {
    if (error instanceof SourceFailure && error.kind === "damaged")
      await rm(partial, { force: true });
    else await releasePartial(partial);
    if (isDiskFull(error)) throw diskFull(transfer.destination, error);
    throw error;
  }
}

async function receive(piece: Piece, transfer: Transfer, context: HubContext): Promise<void> {
  const isResumed = piece.bytes > 0;
  await receiveRest(piece, transfer, context);
  if (piece.digest() === transfer.digest.hex) return;
  if (!isResumed) throw digestDiffers(transfer);
  // What an earlier run left may be the damaged part: once more, from the beginning.
  await piece.reset();
  await receiveRest(piece, transfer, context);
  if (piece.digest() !== transfer.digest.hex) throw digestDiffers(transfer);
}

async function receiveRest(piece: Piece, transfer: Transfer, context: HubContext): Promise<void> {
  if (piece.bytes > 0) transfer.onReceived(piece.bytes);
  let failures = 0;
  while (piece.bytes < transfer.bytes) {
    const before = piece.bytes;
    const cut = await receiveOnce(piece, transfer, context);
    if (cut === undefined) continue;
    if (piece.bytes - before >= PROGRESS_BYTES) failures = 0;
    const delay = context.retryDelaysMs[failures++];
    if (delay === undefined) throw cut;
    await waitFor(delay, context);
  }
}

/** One request; returns why it ended before the file did. */
async function receiveOnce(
  piece: Piece,
  transfer: Transfer,
  context: HubContext,
): Promise<SourceFailure | undefined> {
  const stall = new AbortController();
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (piece.bytes > 0) headers["range"] = `bytes=${piece.bytes}-`;
  let response: Response;
  try {
    response = await request(transfer.url, { headers, signal: stall.signal }, context);
  } catch (error) {
    if (!(error instanceof SourceFailure)) throw error;
    if (error.status === 416) {
      await piece.reset();
      return error;
    }
    // Once something has come the server is known to be there; before that the next source is tried.
    if (error.kind === "unreachable" && piece.isFlowing) return error;
    throw error;
  }
  if (!checkStart(response, piece, transfer)) await piece.reset();
  return readBody(response, { piece, transfer, context, stall });
}

/** Whether the answer goes on where the piece ends; false = it begins at the beginning. */
function checkStart(response: Response, piece: Piece, transfer: Transfer): boolean {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (response.status === 206 && range !== null) {
    const [, start, total] = range;
    if (total !== "*" && Number(total) !== transfer.bytes) {
      throw lengthDiffers(transfer, Number(total));
    }
    if (Number(start) !== piece.bytes) throw damaged(transfer, "the answer is another part of it");
    return true;
  }
  const length = response.headers.get("content-length");
  const isPlain = (response.headers.get("content-encoding") ?? "identity") === "identity";
  if (length !== null && isPlain && Number(length) !== transfer.bytes) {
    throw lengthDiffers(transfer, Number(length));
  }
  return piece.bytes === 0;
}

async function readBody(
  response: Response,
  facts: {
    readonly piece: Piece;
    readonly transfer: Transfer;
    readonly context: HubContext;
    readonly stall: AbortController;
  },
): Promise<SourceFailure | undefined> {
  const { piece, transfer, context, stall } = facts;
  const reader = response.body?.getReader();
  if (reader === undefined) return interrupted(piece, transfer);
  const limit = setTimeout(() => {
    stall.abort();
  }, context.settings.stallTimeoutMs);
  try {
    for (;;) {
      const chunk = await readChunk(reader, context);
      if (chunk === undefined) break;
      limit.refresh();
      if (piece.bytes + chunk.length > transfer.bytes) {
        throw lengthDiffers(transfer, piece.bytes + chunk.length);
      }
      await piece.append(chunk);
      transfer.onReceived(piece.bytes);
    }
    return piece.bytes < transfer.bytes ? interrupted(piece, transfer) : undefined;
  } finally {
    clearTimeout(limit);
    await reader.cancel().catch(() => undefined);
  }
}

/** The next bytes; `undefined` at the end, which a cut connection is too: the length tells them apart. */
async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  context: HubContext,
): Promise<Uint8Array | undefined> {
  try {
    return (await reader.read()).value;
  } catch {
    stopIfAborted(context);
    return undefined;
  }
}

/** The part of a file that is on disk, and the digest of it. Makes the file, and its folder, when there is something to write. */
class Piece {
  #bytes = 0;
  #hash: Hash;
  #handle: FileHandle | undefined;
  readonly #path: string;
  readonly #transfer: Transfer;
  /** Whether this process has received a part of it. */
  isFlowing = false;

  private constructor(path: string, transfer: Transfer) {
    this.#path = path;
    this.#transfer = transfer;
    this.#hash = beginDigest(transfer.digest.kind, transfer.bytes);
  }

  static async open(path: string, transfer: Transfer): Promise<Piece> {
    const piece = new Piece(path, transfer);
    if ((await fileBytes(path)) === undefined) return piece;
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      const bytes = chunk as Uint8Array; // a stream without an encoding
      piece.#hash.update(bytes);
      piece.#bytes += bytes.length;
    }
    if (piece.#bytes > transfer.bytes) await piece.reset();
    return piece;
  }

  get bytes(): number {
    return this.#bytes;
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  async append(chunk: Uint8Array): Promise<void> {
    await (await this.#file()).appendFile(chunk);
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    this.isFlowing = true;
  }

  async reset(): Promise<void> {
    if (this.#bytes > 0) await (await this.#file()).truncate(0);
    this.#hash = beginDigest(this.#transfer.digest.kind, this.#transfer.bytes);
    this.#bytes = 0;
  }

  async sync(): Promise<void> {
    await (await this.#file()).datasync();
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  async #file(): Promise<FileHandle> {
    if (this.#handle === undefined) {
      await mkdir(dirname(this.#path), { recursive: true });
      this.#handle = await open(this.#path, "a");
    }
    return this.#handle;
  }
}

function interrupted(piece: Piece, transfer: Transfer): SourceFailure {
  const { host } = new URL(transfer.url);
  return new SourceFailure(
    "interrupted",
    `the connection to ${host} was cut after ${piece.bytes} of ${transfer.bytes} bytes`,
  );
}

function lengthDiffers(transfer: Transfer, got: number): SourceFailure {
  return damaged(transfer, `it should have ${transfer.bytes} bytes and has ${got}`);
}

function digestDiffers(transfer: Transfer): SourceFailure {
  return damaged(transfer, `its ${transfer.digest.kind} is not ${transfer.digest.hex}`);
}

function damaged(transfer: Transfer, problem: string): SourceFailure {
  const { host } = new URL(transfer.url);
  return new SourceFailure("damaged", `${host} sent another file than expected: ${problem}`);
}
