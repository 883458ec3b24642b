/** Checksums of files, as the Hub names its blobs: SHA-256 for large files, git's own for small ones. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** What a file's bytes must come to. */
export interface Digest {
  readonly kind: "sha256" | "git-sha1";
  readonly hex: string;
}

/** Begins a digest; feed it the file's bytes. */
export function beginDigest(kind: Digest["kind"], bytes: number): Hash {
  switch (kind) {
    case "sha256":
      return createHash("sha256");
    case "git-sha1":
      return createHash("sha1").update(`blob ${bytes}\0`);
  }
}

/** The SHA-256 of a file on disk. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk as Uint8Array);
  }
  return hash.digest("hex");
}
