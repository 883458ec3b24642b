/**
 * The Hugging Face cache as Python's huggingface_hub lays it out, so that each finds the other's files:
 * `models--OWNER--NAME/{blobs/ETAG, refs/REVISION, snapshots/COMMIT/FILE → ../../blobs/ETAG}`. No network.
 */
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join, relative } from "node:path";

const COMMIT = /^[0-9a-f]{40}$/;

/** The folder of one repository. */
export function repositoryFolder(hubCache: string, repo: string): string {
  return join(hubCache, `models--${repo.replaceAll("/", "--")}`);
}

/** Where the bytes of a file are, under their checksum. */
export function blobPath(repository: string, etag: string): string {
  return join(repository, "blobs", etag);
}

/** The folder that has a repository's files at a commit under their own names. */
export function snapshotFolder(repository: string, commit: string): string {
  return join(repository, "snapshots", commit);
}

/** The commit that a branch or tag had when it was last looked up; a commit is itself. */
export async function cachedCommit(
  repository: string,
  revision: string,
): Promise<string | undefined> {
  if (COMMIT.test(revision)) return revision;
  try {
    const commit = (await readFile(join(repository, "refs", revision), "utf8")).trim();
    return COMMIT.test(commit) ? commit : undefined;
  } catch {
    return undefined;
  }
}

/** Notes which commit a branch or tag has. */
export async function writeReference(
  repository: string,
  facts: { readonly revision: string; readonly commit: string },
): Promise<void> {
  if ((await cachedCommit(repository, facts.revision)) === facts.commit) return;
  const path = join(repository, "refs", facts.revision);
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, (temporary) => writeFile(temporary, facts.commit));
}

/** Gives a blob its name in a snapshot. The link is relative, so that a cache may be moved; a copy where links are not allowed. */
export async function linkIntoSnapshot(blob: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, async (temporary) => {
    try {
      await symlink(relative(dirname(path), blob), temporary);
    } catch {
      await copyFile(blob, temporary);
    }
  });
}

/** The size of a file, through links; `undefined` where there is none. */
export async function fileBytes(path: string): Promise<number | undefined> {
  try {
    const facts = await stat(path);
    return facts.isFile() ? facts.size : undefined;
  } catch {
    return undefined;
  }
}

/** The names of what is in a folder; none where there is no folder. */
export async function folderNames(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch {
    return [];
  }
}

/** Makes a file under a temporary name, then gives it its own: nobody sees half of it, and the last of two wins. */
async function replaceFile(
  path: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
