/**
 * A GGUF file, or the several into which llama.cpp's gguf-split cuts a large one, as one: the first holds the
 * metadata, and its name says how the others are called (m-00001-of-00003.gguf).
 */
import { modelUnreadable } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import type { StoredTensor } from "./checkpoint.ts";
import { openGguf, type GgufFile } from "./gguf.ts";

const MAX_PARTS = 1000; // each stays open; the largest models have about 100
const PART_NAME = /-(\d{5})-of-(\d{5})(\.gguf)$/i;

/**
 * Opens the file and those that belong to it; closing the returned file closes them all.
 * @throws what `open` and {@link openGguf} throw, `model-unreadable` where the parts are not one file
 */
export async function openGgufParts(
  path: string,
  open: (path: string) => Promise<ByteSource>,
): Promise<GgufFile> {
  const parts: GgufFile[] = [];
  try {
    const first = await openPart(path, open);
    parts.push(first);
    for (const other of otherPaths(path, first)) parts.push(await openPart(other, open));
    return parts.length === 1 ? first : joinParts(first.metadata, parts);
  } catch (error) {
    await closeAll(parts);
    throw error;
  }
}

async function openPart(
  path: string,
  open: (path: string) => Promise<ByteSource>,
): Promise<GgufFile> {
  const source = await open(path);
  try {
    return await openGguf(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function closeAll(parts: readonly GgufFile[]): Promise<void> {
  await Promise.all(parts.map((part) => part.close()));
}

/** The paths of the second part and all after it. */
function otherPaths(path: string, { metadata }: GgufFile): readonly string[] {
  const count = metadata.number("split.count") ?? 1;
  if (count <= 1) return [];
  const number = (metadata.number("split.no") ?? 0) + 1;
  if (!Number.isInteger(count) || count > MAX_PARTS) {
    throw modelUnreadable({ file: path, problem: `it is one of ${count} parts` });
  }
  if (number !== 1) {
    const problem = `it is part ${number} of ${count}`;
    throw modelUnreadable({ file: path, problem, hint: "Give the first part's path." });
  }
  const [ending, , ofCount] = PART_NAME.exec(path) ?? [];
  if (ending === undefined || ofCount !== fiveDigits(count)) {
    throw modelUnreadable({
      file: path,
      problem: `it is the first of ${count} parts, and its name does not say so`,
      hint: `Call them as they were: NAME-00001-of-${fiveDigits(count)}.gguf and so on, in one folder.`,
    });
  }
  const stem = path.slice(0, -ending.length);
  const suffix = ending.slice(-".gguf".length);
  return Array.from(
    { length: count - 1 },
    (_, i) => `${stem}-${fiveDigits(i + 2)}-of-${ofCount}${suffix}`,
  );
}

function fiveDigits(count: number): string {
  return String(count).padStart(5, "0");
}

function joinParts(metadata: GgufFile["metadata"], parts: readonly GgufFile[]): GgufFile {
  const tensors = new Map<string, StoredTensor>();
  for (const [index, part] of parts.entries()) {
    checkPart(part, index, parts.length);
    for (const [name, tensor] of part.tensors) {
      const first = tensors.get(name);
      if (first !== undefined) {
        const problem = `tensor "${name}" is also in ${first.file}`;
        throw modelUnreadable({ file: tensor.file, problem });
      }
      tensors.set(name, tensor);
    }
  }
  const promised = metadata.number("split.tensors.count") ?? tensors.size;
  if (promised !== tensors.size) {
    const problem = `its parts have ${tensors.size} tensors together, not ${promised}`;
    throw modelUnreadable({ file: metadata.file, problem });
  }
  return { metadata, tensors, close: () => closeAll(parts) };
}

function checkPart({ metadata }: GgufFile, index: number, count: number): void {
  const number = metadata.number("split.no");
  const of = metadata.number("split.count");
  if (number === index && of === count) return;
  const found = number === undefined ? "no part" : `part ${number + 1} of ${of ?? "?"}`;
  const problem = `it says that it is ${found}, and its name part ${index + 1} of ${count}`;
  throw modelUnreadable({ file: metadata.file, problem });
}
