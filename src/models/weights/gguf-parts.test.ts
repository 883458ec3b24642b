import { describe, expect, test } from "vitest";

import type { PatchscopesError } from "../../errors.ts";
import { fileNotOpened } from "../errors.ts";
import { memorySource, type ByteSource } from "./byte-source.ts";
import { bytesOf } from "./checkpoint.ts";
import { openGgufParts } from "./gguf-parts.ts";
import { f32Bytes, writeGguf, type WrittenValue } from "./gguf-writer.test-support.ts";

/** Files by path, and which of them are open. */
class Files {
  readonly open: string[] = [];
  readonly #bytes: ReadonlyMap<string, Uint8Array>;

  constructor(files: Readonly<Record<string, Uint8Array>>) {
    this.#bytes = new Map(Object.entries(files));
  }

  readonly opener = (path: string): Promise<ByteSource> => {
    const bytes = this.#bytes.get(path);
    if (bytes === undefined) {
      return Promise.reject(fileNotOpened({ file: path, reason: "there is no such file" }));
    }
    this.open.push(path);
    const close = (): Promise<void> => {
      this.open.splice(this.open.indexOf(path), 1);
      return Promise.resolve();
    };
    return Promise.resolve({ ...memorySource(path, bytes), close });
  };
}

interface Part {
  readonly no: number;
  readonly count: number;
  readonly tensors?: Readonly<Record<string, number>>;
  readonly total?: number;
}

function part({ no, count, tensors = {}, total }: Part): Uint8Array {
  const uint = (value: number): WrittenValue => ({ kind: "uint32", value });
  return writeGguf(
    {
      "split.no": uint(no),
      "split.count": uint(count),
      ...(no === 0 ? { name: { kind: "string", value: "whole" } } : {}),
      ...(total === undefined ? {} : { "split.tensors.count": uint(total) }),
    },
    Object.entries(tensors).map(([name, number]) => ({
      name,
      type: "F32",
      shape: [1],
      bytes: f32Bytes([number]),
    })),
  );
}

const FIRST = "/models/m-00001-of-00003.gguf";
const SECOND = "/models/m-00002-of-00003.gguf";
const THIRD = "/models/m-00003-of-00003.gguf";
const WHOLE = {
  [FIRST]: part({ no: 0, count: 3, total: 3 }),
  [SECOND]: part({ no: 1, count: 3, tensors: { a: 1, b: 2 } }),
  [THIRD]: part({ no: 2, count: 3, tensors: { c: 3 } }),
};

test("the parts are one file: the first one's metadata, the tensors of all", async () => {
  const files = new Files(WHOLE);
  const file = await openGgufParts(FIRST, files.opener);
  expect(file.metadata.string("name")).toBe("whole");
  expect([...file.tensors.keys()]).toEqual(["a", "b", "c"]);
  const found = file.tensors.get("c");
  expect(found?.file).toBe(THIRD);
  if (found !== undefined) expect(await bytesOf(found)).toEqual(f32Bytes([3]));
  expect(files.open).toHaveLength(3);
  await file.close();
  expect(files.open).toEqual([]);
});

test("a file that is whole in itself opens under any name", async () => {
  const files = new Files({ [FIRST]: writeGguf({}, []), "m.gguf": part({ no: 0, count: 1 }) });
  expect((await openGgufParts(FIRST, files.opener)).tensors.size).toBe(0);
  expect((await openGgufParts("m.gguf", files.opener)).tensors.size).toBe(0);
});

describe("parts that do not make one file are refused, and nothing stays open", () => {
  const twice = { ...WHOLE, [THIRD]: part({ no: 2, count: 3, tensors: { a: 3 } }) };
  const renamed = "/models/first.gguf";
  test.each<[string, Readonly<Record<string, Uint8Array>>, string, string]>([
    ["a missing one", { ...without(THIRD) }, FIRST, `Cannot open ${THIRD}: there is no such file.`],
    ["not the first", WHOLE, SECOND, `${SECOND} cannot be read: it is part 2 of 3.`],
    ["a tensor that is in two", twice, FIRST, `tensor "a" is also in ${SECOND}`],
    [
      "another count of tensors",
      { ...WHOLE, [FIRST]: part({ no: 0, count: 3, total: 4 }) },
      FIRST,
      "its parts have 3 tensors together, not 4",
    ],
    [
      "two that changed places",
      { ...WHOLE, [SECOND]: WHOLE[THIRD], [THIRD]: WHOLE[SECOND] },
      FIRST,
      `${SECOND} cannot be read: it says that it is part 3 of 3, and its name part 2 of 3.`,
    ],
    [
      "one that is no part",
      { ...WHOLE, [SECOND]: writeGguf({}, []) },
      FIRST,
      "it says that it is no part, and its name part 2 of 3",
    ],
    [
      "a first one under another name",
      { [renamed]: WHOLE[FIRST] },
      renamed,
      "it is the first of 3 parts, and its name does not say so",
    ],
    [
      "more than can be open",
      { [FIRST]: part({ no: 0, count: 60_000 }) },
      FIRST,
      "it is one of 60000 parts",
    ],
    ["a broken one", { ...WHOLE, [SECOND]: new Uint8Array(9) }, FIRST, `${SECOND} cannot be read`],
  ])("%s", async (_, content, path, message) => {
    const files = new Files(content);
    await expect(openGgufParts(path, files.opener)).rejects.toMatchObject({
      message: expect.stringContaining(message) as unknown,
      hint: expect.any(String) as unknown,
    } satisfies Partial<Record<keyof PatchscopesError, unknown>>);
    expect(files.open).toEqual([]);
  });

  function without(path: string): Readonly<Record<string, Uint8Array>> {
    return Object.fromEntries(Object.entries(WHOLE).filter(([name]) => name !== path));
  }
});
