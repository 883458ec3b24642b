import { readFileSync } from "node:fs";
import fc from "fast-check";
import { z } from "zod";
import { describe, expect, test } from "vitest";

import { isStorageType, STORAGE_FORMATS } from "./dequantize.ts";

const fixtureSchema = z.object({
  types: z.array(
    z.object({
      type: z.string(),
      block: z.number(),
      blockBytes: z.number(),
      sets: z.array(z.object({ name: z.string(), bytes: z.base64(), values: z.base64() })),
    }),
  ),
});
const fixturePath = new URL("../../../tests/fixtures/dequant.json", import.meta.url);
const json: unknown = JSON.parse(readFileSync(fixturePath, "utf8"));
const fixtures = fixtureSchema.parse(json).types.filter((one) => isStorageType(one.type));

function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64"));
}

describe("dequantised numbers are those of the gguf package, bit for bit", () => {
  const cases = fixtures.flatMap((one) => one.sets.map((set) => ({ ...one, set })));
  test.each(cases)("$type, $set.name", ({ type, block, blockBytes, set }) => {
    if (!isStorageType(type)) throw new Error(type);
    const format = STORAGE_FORMATS[type];
    const bytes = decodeBase64(set.bytes);
    const expected = decodeBase64(set.values);
    const out = new Float32Array(expected.length / 4);
    format.dequantize(bytes, out, 0);
    expect({ block: format.blockSize, bytes: format.bytesPerBlock }).toEqual({
      block,
      bytes: blockBytes,
    });
    expect(Buffer.from(out.buffer).equals(expected)).toBe(true);
  });

  test("every type that can be read has fixtures", () => {
    expect(fixtures.map((one) => one.type).sort()).toEqual(Object.keys(STORAGE_FORMATS).sort());
  });
});

test.each(Object.entries(STORAGE_FORMATS))(
  "%s numbers are written from the offset on and nowhere else",
  (_, { blockSize, bytesPerBlock, dequantize }) => {
    const out = new Float32Array(blockSize + 5).fill(7);
    dequantize(new Uint8Array(bytesPerBlock), out, 3);
    const zeros = Array.from(out.subarray(3, -2), Math.abs); // a negative number times zero is −0
    expect(zeros).toEqual(new Array<number>(blockSize).fill(0));
    expect([...out.subarray(0, 3), ...out.subarray(-2)]).toEqual([7, 7, 7, 7, 7]);
  },
);

test.each(Object.entries(STORAGE_FORMATS))(
  "%s bytes may stand anywhere in their buffer",
  (_, { blockSize, bytesPerBlock, dequantize }) => {
    const bytes = Uint8Array.from({ length: bytesPerBlock }, (__, i) => (i * 37) % 120);
    const shifted = new Uint8Array(bytesPerBlock + 1);
    shifted.set(bytes, 1);
    const [plain, moved] = [new Float32Array(blockSize), new Float32Array(blockSize)];
    dequantize(bytes, plain, 0);
    dequantize(shifted.subarray(1), moved, 0);
    expect(moved).toEqual(plain);
  },
);

test.each(Object.entries(STORAGE_FORMATS))(
  "%s: any bytes give the same numbers in one run as block by block",
  (_, { blockSize, bytesPerBlock, dequantize }) => {
    const anyBlocks = fc
      .integer({ min: 1, max: 4 })
      .chain((count) =>
        fc.uint8Array({ minLength: count * bytesPerBlock, maxLength: count * bytesPerBlock }),
      );
    fc.assert(
      fc.property(anyBlocks, (bytes) => {
        const count = bytes.length / bytesPerBlock;
        const whole = new Float32Array(count * blockSize);
        dequantize(bytes, whole, 0);
        const single = new Float32Array(whole.length);
        for (let block = 0; block < count; block++) {
          const from = block * bytesPerBlock;
          dequantize(bytes.subarray(from, from + bytesPerBlock), single, block * blockSize);
        }
        expect(single).toEqual(whole);
      }),
    );
  },
);
