import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { PatchscopesError } from "../../errors.ts";
import { memorySource } from "./byte-source.ts";
import { bytesOf, sizeOf } from "./checkpoint.ts";
import { isStorageType, STORAGE_FORMATS } from "./dequantize.ts";
import { f32Bytes, writeGguf, type WrittenTensor } from "./gguf-writer.test-support.ts";
import { openGguf, type GgufFile } from "./gguf.ts";
import { storedWeight } from "./stored-weight.ts";

function open(bytes: Uint8Array): Promise<GgufFile> {
  return openGguf(memorySource("m.gguf", bytes));
}

async function failure(bytes: Uint8Array): Promise<PatchscopesError> {
  try {
    await open(bytes);
  } catch (error) {
    if (error instanceof PatchscopesError) return error;
    throw error;
  }
  throw new Error("it was read");
}

const vector = (name: string, ...numbers: readonly number[]): WrittenTensor => ({
  name,
  type: "F32",
  shape: [numbers.length],
  bytes: f32Bytes(numbers),
});

describe("metadata", () => {
  test("values come back with their types", async () => {
    const { metadata } = await open(
      writeGguf(
        {
          count: { kind: "uint32", value: 4_000_000_000 },
          negative: { kind: "int32", value: -5 },
          ratio: { kind: "float32", value: 0.5 },
          large: { kind: "uint64", value: 2 ** 40 },
          flag: { kind: "bool", value: true },
          text: { kind: "string", value: "숨은 😀" },
          texts: { kind: "strings", value: ["", "a b", "é", "😀방", "\ufeffx", ""] },
          numbers: { kind: "int32s", value: [3, -1] },
        },
        [],
      ),
    );
    expect(metadata.number("count")).toBe(4_000_000_000);
    expect(metadata.number("negative")).toBe(-5);
    expect(metadata.number("ratio")).toBe(0.5);
    expect(metadata.number("large")).toBe(2 ** 40);
    expect(metadata.boolean("flag")).toBe(true);
    expect(metadata.string("text")).toBe("숨은 😀");
    expect(metadata.strings("texts")).toEqual(["", "a b", "é", "😀방", "\ufeffx", ""]);
    expect([...Array.from(metadata.numbers("numbers") ?? [])]).toEqual([3, -1]);
    expect(metadata.number("missing")).toBeUndefined();
  });

  test("a key of another type than asked for is named", async () => {
    const { metadata } = await open(writeGguf({ key: { kind: "string", value: "x" } }, []));
    expect(() => metadata.number("key")).toThrow(
      `m.gguf cannot be read: "key" should be a number.`,
    );
  });

  test("a header longer than the first look at the file is read whole", async () => {
    const words = Array.from({ length: 300_000 }, (_, i) => `token number ${i}`);
    const bytes = writeGguf({ words: { kind: "strings", value: words } }, [vector("v", 1, 2)]);
    expect(bytes.length).toBeGreaterThan(2 ** 22);
    const file = await open(bytes);
    expect(file.metadata.strings("words")?.at(-1)).toBe("token number 299999");
    expect(file.tensors.get("v")?.shape).toEqual([2]);
  });
});

describe("tensors", () => {
  test("are found by name, with shapes outermost first", async () => {
    const matrix = {
      name: "m",
      type: "F32",
      shape: [2, 3],
      bytes: f32Bytes([1, 2, 3, 4, 5, 6]),
    } as const;
    const file = await open(writeGguf({}, [vector("v", 7), matrix]));
    const found = file.tensors.get("m");
    expect(found).toMatchObject({ name: "m", type: "F32", shape: [2, 3], byteLength: 24 });
    if (found === undefined) return;
    expect([...new Float32Array((await bytesOf(found)).buffer)]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("of a type that cannot be dequantised are still found", async () => {
    const tensor = { name: "q", type: "IQ2_XS", shape: [256], bytes: new Uint8Array(74) } as const;
    const file = await open(writeGguf({}, [tensor]));
    expect(file.tensors.get("q")).toMatchObject({ type: "IQ2_XS", byteLength: 74 });
  });
});

describe("a broken file is refused and named", () => {
  const header = (version: number, tensors: bigint, pairs: bigint): Uint8Array => {
    const bytes = new Uint8Array(40);
    bytes.set(new TextEncoder().encode("GGUF"));
    const view = new DataView(bytes.buffer);
    view.setUint32(4, version, true);
    view.setBigUint64(8, tensors, true);
    view.setBigUint64(16, pairs, true);
    return bytes;
  };
  const broken = (tensor: Partial<WrittenTensor>): Uint8Array =>
    writeGguf({}, [{ ...vector("t", 1, 2, 3, 4), ...tensor }]);

  test.each([
    ["an empty file", new Uint8Array(), "it ends at byte 0"],
    [
      "another file",
      new TextEncoder().encode("version https://git-lfs"),
      `it does not start with "GGUF"`,
    ],
    ["an unknown version", header(9, 0n, 0n), "unknown GGUF version 9"],
    ["more metadata than bytes", header(3, 0n, 2n ** 62n), "metadata entries would need"],
    ["more tensors than bytes", header(3, 2n ** 62n, 0n), "tensors would need"],
    ["a key that stands twice", twice(), `"a" stands twice`],
    [
      "a tensor that is declared twice",
      writeGguf({}, [vector("v", 1), vector("v", 2)]),
      "is declared twice",
    ],
    ["a tensor larger than the file", broken({ shape: [400] }), `tensor "t" ends at byte`],
    ["a size that overflows", broken({ shape: [2 ** 40, 2 ** 40] }), "impossible shape"],
    ["half a block", broken({ type: "Q4_1", shape: [16] }), "impossible shape"],
    ["too many dimensions", broken({ shape: [1, 1, 1, 1, 1] }), "has 5 dimensions"],
    [
      "an odd alignment",
      writeGguf({ "general.alignment": { kind: "uint32", value: 0 } }, []),
      "its alignment is 0",
    ],
  ])("%s", async (_, bytes, problem) => {
    const error = await failure(bytes);
    expect(error.code).toBe("model-unreadable");
    expect(error.message).toContain("m.gguf");
    expect(error.message).toContain(problem);
    expect(error.hint).toBeDefined();
  });

  test.each([
    ["version 1", header(1, 0n, 0n), "it has GGUF version 1"],
    ["big endian", header(0x03000000, 0n, 0n), "it is big endian"],
    ["an unknown number type", broken({ type: 999 }), `tensor "t" has the unknown number type 999`],
  ])("%s is called unsupported", async (_, bytes, problem) => {
    expect(await failure(bytes)).toMatchObject({ code: "model-unsupported" });
    expect((await failure(bytes)).message).toContain(problem);
  });

  test("a list that is not UTF-8", async () => {
    const bytes = writeGguf({ texts: { kind: "strings", value: ["ABCD"] } }, []);
    bytes[bytes.lastIndexOf(0x41)] = 0xff;
    expect((await failure(bytes)).message).toContain("not UTF-8");
  });

  function twice(): Uint8Array {
    const value = { kind: "uint32", value: 1 } as const;
    const bytes = writeGguf({ a: value, b: value }, []);
    bytes[bytes.lastIndexOf("b".charCodeAt(0))] = "a".charCodeAt(0);
    return bytes;
  }
});

describe("a damaged file is refused, or read with the numbers that its header promises", () => {
  test.each(Object.entries(STORAGE_FORMATS))("%s", async (name, format) => {
    const type = isStorageType(name) ? name : "F32";
    const one = { name: "t", type, shape: [2, format.blockSize] };
    const whole = writeGguf({}, [{ ...one, bytes: new Uint8Array(2 * format.bytesPerBlock) }]);
    const change = fc.tuple(fc.integer({ min: 4, max: whole.length - 1 }), fc.nat(255));
    const end = fc.oneof(fc.constant(whole.length), fc.nat(whole.length));
    await fc.assert(
      fc.asyncProperty(end, fc.array(change, { maxLength: 8 }), async (length, changes) => {
        const bytes = whole.slice(0, length);
        for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
        await readOrRefused(bytes);
      }),
      { numRuns: 200 },
    );
  });

  async function readOrRefused(bytes: Uint8Array): Promise<void> {
    try {
      for (const tensor of (await open(bytes)).tensors.values()) {
        if (!isStorageType(tensor.type)) continue;
        const numbers = new Float32Array(sizeOf(tensor.shape) ?? 0);
        expect(numbers.length).toBeLessThan(8 * bytes.length); // 2 bits a number at the least
        await storedWeight(tensor, tensor.type).dequantize(numbers);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PatchscopesError);
    }
  }
});
