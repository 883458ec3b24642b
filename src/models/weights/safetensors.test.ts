import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { PatchscopesError } from "../../errors.ts";
import { memorySource } from "./byte-source.ts";
import { bytesOf } from "./checkpoint.ts";
import { readSafetensors } from "./safetensors.ts";
import { writeSafetensors } from "./safetensors-writer.ts";

function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

async function failure(file: Uint8Array): Promise<PatchscopesError> {
  try {
    await readSafetensors(memorySource("m.safetensors", file));
  } catch (error) {
    if (error instanceof PatchscopesError) return error;
    throw error;
  }
  throw new Error("it was read");
}

const joined = (chunks: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));

describe("writing and reading", () => {
  test("what is written is read back, with types, shapes and bytes", async () => {
    const file = joined(
      writeSafetensors(
        [
          { name: "tokens", shape: [3], data: Int32Array.of(1, -2, 3) },
          { name: "states", shape: [1, 2, 2], data: Float32Array.of(0.5, -1, 2, 4) },
          { name: "big", shape: [1], data: BigInt64Array.of(-1n) },
          { name: "none", shape: [0, 4], data: new Float32Array() },
        ],
        { site: "resid_post" },
      ),
    );
    const tensors = await readSafetensors(memorySource("m.safetensors", file));
    const found = tensors.map(({ name, type, shape }) => ({ name, type, shape }));
    expect(found).toHaveLength(4);
    expect(found).toContainEqual({ name: "tokens", type: "I32", shape: [3] });
    expect(found).toContainEqual({ name: "states", type: "F32", shape: [1, 2, 2] });
    expect(found).toContainEqual({ name: "big", type: "I64", shape: [1] });
    expect(found).toContainEqual({ name: "none", type: "F32", shape: [0, 4] });
    const states = tensors.find((tensor) => tensor.name === "states");
    const bytes = states === undefined ? new Uint8Array() : await bytesOf(states);
    expect([...new Float32Array(bytes.slice().buffer)]).toEqual([0.5, -1, 2, 4]);
  });

  test("tensors start at multiples of eight bytes where their numbers have eight", () => {
    const [header] = writeSafetensors([
      { name: "a", shape: [1], data: Int32Array.of(1) },
      { name: "b", shape: [1], data: BigInt64Array.of(1n) },
    ]);
    const text = new TextDecoder().decode(header?.subarray(8));
    expect((header?.length ?? 1) % 8).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      b: { data_offsets: [0, 8] },
      a: { data_offsets: [8, 12] },
    });
  });

  test("the buffers after the header are views of the data, not copies", () => {
    const data = Float32Array.of(1, 2);
    const [, body] = writeSafetensors([{ name: "a", shape: [2], data }]);
    expect(body?.buffer).toBe(data.buffer);
  });
});

describe("a broken file is refused and named", () => {
  const entry = (shape: readonly number[], start: number, end: number, dtype = "F32"): unknown => ({
    dtype,
    shape,
    data_offsets: [start, end],
  });
  test.each([
    ["an empty file", new Uint8Array(), "it has only 0 bytes"],
    ["a header longer than the file", fileOf({}, 0).slice(0, 9), "its header ends at byte 10 of 9"],
    [
      "a header longer than allowed",
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0),
      "its header would have",
    ],
    ["a header that is no JSON", fileOf("{", 0), "its header is no JSON"],
    ["a header that is a list", fileOf("[]", 0), "its header is no JSON object"],
    [
      "an offset before the start",
      fileOf({ a: entry([1], -4, 0) }, 4),
      `tensor "a" is declared wrongly`,
    ],
    ["an end before its start", fileOf({ a: entry([1], 4, 0) }, 4), "impossible size"],
    ["a size that overflows", fileOf({ a: entry([2 ** 52, 2 ** 52], 0, 4) }, 4), "impossible size"],
    [
      "a shape that needs other bytes",
      fileOf({ a: entry([3], 0, 8) }, 8),
      `tensor "a" needs 12 bytes and has 8`,
    ],
    [
      "tensors that overlap",
      fileOf({ a: entry([2], 0, 8), b: entry([1], 4, 8) }, 8),
      `tensor "b" starts at byte 4 of the data, not at 8`,
    ],
    [
      "a gap between tensors",
      fileOf({ a: entry([1], 4, 8) }, 8),
      `tensor "a" starts at byte 4 of the data, not at 0`,
    ],
    ["data that is cut off", fileOf({ a: entry([2], 0, 8) }, 7), "bytes and has"],
    ["bytes behind the data", fileOf({ a: entry([2], 0, 8) }, 9), "bytes and has"],
    ["a fractional shape", fileOf({ a: entry([1.5], 0, 6) }, 6), `tensor "a" is declared wrongly`],
  ])("%s", async (_, file, problem) => {
    const error = await failure(file);
    expect(error.code).toBe("model-unreadable");
    expect(error.message).toContain("m.safetensors");
    expect(error.message).toContain(problem);
    expect(error.hint).toMatch(/download it again/);
  });

  test("cut anywhere or changed in some bytes, a file is read or refused, never worse", async () => {
    const whole = joined(
      writeSafetensors([
        { name: "a.weight", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
        { name: "b", shape: [2], data: Int32Array.of(1, 2) },
      ]),
    );
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length),
        fc.array(change, { maxLength: 8 }),
        async (end, changes) => {
          const file = whole.slice(0, end);
          for (const [at, byte] of changes) if (at < end) file[at] = byte;
          try {
            for (const tensor of await readSafetensors(memorySource("m", file)))
              await bytesOf(tensor);
          } catch (error) {
            expect(error).toBeInstanceOf(PatchscopesError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
