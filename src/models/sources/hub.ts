/**
 * Models from the Hub: what a repository has, which of it is needed, and the transfer into the Hugging Face cache.
 * What is cached already is used without asking the Hub whether there is something newer: a run stays what it was.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { CatalogueEntry } from "../catalogue.ts";
import type { ModelFiles, SourceContext } from "./context.ts";
import type { Digest } from "./digest.ts";
import { ambiguousGguf, nothingToLoad, pickledOnly } from "./errors.ts";
import {
  blobPath,
  cachedCommit,
  fileBytes,
  folderNames,
  linkIntoSnapshot,
  repositoryFolder,
  snapshotFolder,
  writeReference,
} from "./hub-cache.ts";
import type { HubId } from "./hub-id.ts";
import { hubFetch, type HubContext } from "./request.ts";
import { SourceFailure } from "./source-failure.ts";
import { transferFile } from "./transfer.ts";

/** A file as the Hub lists it. */
interface RemoteFile {
  readonly path: string;
  readonly bytes: number;
  readonly digest: Digest;
}

const SMALL_FILES = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "chat_template.jinja",
];
const INDEX = "model.safetensors.index.json";
const SHARD = /^(?!consolidated)[^/]+-\d+-of-\d+\.safetensors$/; // "consolidated" are the same weights, laid out otherwise

/** What the cache has of a model, `undefined` where something is missing. `partly` also takes a folder without a tokenizer. */
export async function cachedHubModel(
  id: HubId,
  context: SourceContext,
  facts: { readonly partly: boolean },
): Promise<ModelFiles | undefined> {
  const repository = repositoryFolder(context.settings.hubCache, id.repo);
  const commit = await cachedCommit(repository, id.revision);
  if (commit === undefined) return undefined;
  const folder = snapshotFolder(repository, commit);
  if (id.file !== undefined) {
    const path = join(folder, id.file);
    return (await fileBytes(path)) === undefined ? undefined : { kind: "gguf", path };
  }
  if (await isWholeFolder(folder, facts)) return { kind: "folder", path: folder };
  // Which GGUF file is the only one is for the Hub to say, where it can be asked.
  const files = facts.partly ? (await folderNames(folder)).filter(isGguf) : [];
  const [file] = files;
  return file === undefined || files.length > 1
    ? undefined
    : { kind: "gguf", path: join(folder, file) };
}

/** @throws SourceFailure, or `model-unsupported` where the repository has nothing that can be loaded */
export async function downloadHubModel(id: HubId, context: SourceContext): Promise<ModelFiles> {
  const hub = await hubContext(context);
  const commit = await remoteCommit(id, hub);
  const listed = await remoteFiles(id, commit, hub);
  const wanted = chooseFiles(id, listed);
  const repository = repositoryFolder(context.settings.hubCache, id.repo);
  await fetchFiles({ repo: id.repo, commit, files: wanted.files, label: id.name }, hub);
  await writeReference(repository, { revision: id.revision, commit });
  const folder = snapshotFolder(repository, commit);
  return wanted.gguf === undefined
    ? { kind: "folder", path: folder }
    : { kind: "gguf", path: join(folder, wanted.gguf) };
}

/** The file of a catalogue model in the Hugging Face cache, at whatever revision it came. */
export async function cachedHubFile(
  entry: CatalogueEntry,
  context: SourceContext,
): Promise<string | undefined> {
  const repository = repositoryFolder(context.settings.hubCache, entry.hub.repo);
  // A blob is named by its checksum, and gets that name when it is whole.
  const blob = blobPath(repository, entry.file.sha256);
  if ((await fileBytes(blob)) !== entry.file.bytes) return undefined;
  for (const commit of [
    entry.hub.revision,
    ...(await folderNames(join(repository, "snapshots"))),
  ]) {
    const path = join(snapshotFolder(repository, commit), entry.hub.file);
    if ((await fileBytes(path)) === entry.file.bytes) return path;
  }
  return blob;
}

/** @throws SourceFailure */
export async function downloadHubFile(
  entry: CatalogueEntry,
  context: SourceContext,
): Promise<string> {
  const { repo, file, revision } = entry.hub;
  const digest: Digest = { kind: "sha256", hex: entry.file.sha256 };
  const files = [{ path: file, bytes: entry.file.bytes, digest }];
  await fetchFiles({ repo, commit: revision, files, label: entry.name }, await hubContext(context));
  return join(snapshotFolder(repositoryFolder(context.settings.hubCache, repo), revision), file);
}

async function hubContext(context: SourceContext): Promise<HubContext> {
  const { HUB_URL } = await import("@huggingface/hub"); // only here: a cached model should not wait for it
  return { ...context, endpoint: context.settings.endpoint ?? HUB_URL };
}

async function remoteCommit(id: HubId, hub: HubContext): Promise<string> {
  const { modelInfo } = await import("@huggingface/hub");
  const { sha } = await modelInfo({
    name: id.repo,
    revision: id.revision,
    additionalFields: ["sha"],
    hubUrl: hub.endpoint,
    fetch: hubFetch(hub),
  });
  if (/^[0-9a-f]{40}$/.test(sha)) return sha;
  throw new SourceFailure("damaged", `${hub.endpoint} names no commit of ${id.repo}`);
}

async function remoteFiles(
  id: HubId,
  commit: string,
  hub: HubContext,
): Promise<readonly RemoteFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const listing = listFiles({
    repo: id.repo,
    revision: commit,
    recursive: id.file?.includes("/") === true,
    hubUrl: hub.endpoint,
    fetch: hubFetch(hub),
  });
  const files: RemoteFile[] = [];
  for await (const { type, path, size, oid, lfs } of listing) {
    if (type !== "file") continue;
    const digest: Digest =
      lfs === undefined ? { kind: "git-sha1", hex: oid ?? "" } : { kind: "sha256", hex: lfs.oid };
    // Both become names of files here: nothing a server says may lead out of the cache.
    if (!/^[0-9a-f]{40,64}$/.test(digest.hex) || /\\|(?:^|\/)\.\.?(?:\/|$)|^\//.test(path)) {
      throw new SourceFailure("damaged", `${hub.endpoint} lists a file that cannot be stored`);
    }
    files.push({ path, bytes: lfs?.size ?? size, digest });
  }
  return files;
}

/** Which of the listed files are needed; `gguf` where it is one of that kind. @throws `model-unsupported` */
function chooseFiles(
  id: HubId,
  listed: readonly RemoteFile[],
): { readonly files: readonly RemoteFile[]; readonly gguf?: string } {
  const named = (names: readonly string[]): RemoteFile[] =>
    names.flatMap((name) => listed.filter((file) => file.path === name));
  if (id.file !== undefined) {
    const files = named([id.file]);
    if (files.length > 0) return { files, gguf: id.file };
    throw new SourceFailure("missing", `${id.repo} has no file ${id.file}`);
  }
  const weights = chooseWeights(listed);
  const small = named(SMALL_FILES);
  // Weights last: they are what tells a whole snapshot from one that was cut.
  if (weights.length > 0 && small[0]?.path === "config.json") {
    return { files: [...small, ...named([INDEX]), ...weights] };
  }
  const ggufs = listed.filter((file) => isGguf(file.path));
  const [only] = ggufs;
  if (only !== undefined && ggufs.length === 1) return { files: [only], gguf: only.path };
  if (only !== undefined) throw ambiguousGguf({ repo: id.repo, files: ggufs });
  if (listed.some((file) => /\.(?:bin|pt|pth|ckpt)$/.test(file.path))) throw pickledOnly(id.repo);
  throw nothingToLoad(id.repo);
}

function chooseWeights(listed: readonly RemoteFile[]): readonly RemoteFile[] {
  const whole = listed.filter((file) => file.path === "model.safetensors");
  const isSharded = listed.some((file) => file.path === INDEX);
  return isSharded ? listed.filter((file) => SHARD.test(file.path)) : whole;
}

async function fetchFiles(
  facts: {
    readonly repo: string;
    readonly commit: string;
    readonly files: readonly RemoteFile[];
    readonly label: string;
  },
  hub: HubContext,
): Promise<void> {
  const repository = repositoryFolder(hub.settings.hubCache, facts.repo);
  const total = facts.files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  for (const file of facts.files) {
    const blob = blobPath(repository, file.digest.hex);
    if ((await fileBytes(blob)) !== file.bytes) {
      const url = `${hub.endpoint}/${facts.repo}/resolve/${facts.commit}/${encodePath(file.path)}`;
      const onReceived = (bytes: number): void => {
        hub.onProgress({ label: facts.label, received: done + bytes, total });
      };
      const { bytes, digest } = file;
      await transferFile({ url, destination: blob, bytes, digest, onReceived }, hub);
    }
    const path = join(snapshotFolder(repository, facts.commit), file.path);
    if ((await fileBytes(path)) !== file.bytes) await linkIntoSnapshot(blob, path);
    done += file.bytes;
    hub.onProgress({ label: facts.label, received: done, total });
  }
}

async function isWholeFolder(
  folder: string,
  facts: { readonly partly: boolean },
): Promise<boolean> {
  const names = new Set(await folderNames(folder));
  if (!names.has("config.json")) return false;
  if (!facts.partly && !names.has("tokenizer.json")) return false;
  const weights = names.has(INDEX) ? await shardsOf(join(folder, INDEX)) : ["model.safetensors"];
  const sizes = await Promise.all(weights.map((name) => fileBytes(join(folder, name))));
  return weights.length > 0 && sizes.every((bytes) => bytes !== undefined);
}

/** The files that an index names; none where it cannot be read, so that it is fetched again. */
async function shardsOf(index: string): Promise<readonly string[]> {
  try {
    const { weight_map } = JSON.parse(await readFile(index, "utf8")) as {
      readonly weight_map: Readonly<Record<string, string>>;
    };
    return [...new Set(Object.values(weight_map))];
  } catch {
    return [];
  }
}

function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
