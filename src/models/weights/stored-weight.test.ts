import { expect, test } from "vitest";

import { memorySource } from "./byte-source.ts";
import { tensorAt, type StoredTensor } from "./checkpoint.ts";
import { STORAGE_FORMATS } from "./dequantize.ts";
import { deinterleavedWeight, storedWeight } from "./stored-weight.ts";

function f32Tensor(shape: readonly number[], numbers: readonly number[]): StoredTensor {
  const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
  const facts = { name: "w", type: "F32", shape, byteLength: bytes.length };
  return tensorAt(memorySource("a file", bytes), 0, facts);
}

test("interleaved rows of two heads come out as halves, in the numbers and in the bytes", async () => {
  // Rows are named head.pair.part; two heads of four rows with two columns each.
  const stored = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].flatMap(([pair, part]) => [pair, part]);
  const numbers = [...stored, ...stored.map((n) => (n ?? 0) + 10)].map((n) => n ?? 0);
  const weight = deinterleavedWeight(f32Tensor([8, 2], numbers), "F32", 2);
  const expected = [0, 0, 1, 0, 0, 1, 1, 1, 10, 10, 11, 10, 10, 11, 11, 11];

  const out = new Float32Array(17);
  await weight.dequantize(out, 1);
  expect([...out]).toEqual([0, ...expected]);
  expect([...new Float32Array((await weight.bytes()).slice().buffer)]).toEqual(expected);
});

test("a bias is one number a row", async () => {
  const weight = deinterleavedWeight(f32Tensor([6], [0, 3, 1, 4, 2, 5]), "F32", 1);
  const out = new Float32Array(6);
  await weight.dequantize(out);
  expect([...out]).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a tensor larger than one piece is the same as dequantised at once, many at a time", async () => {
  const { bytesPerBlock, blockSize, dequantize } = STORAGE_FORMATS.Q4_1;
  const blocks = 130_000; // 2.6 MB
  const bytes = Uint8Array.from({ length: blocks * bytesPerBlock }, (_, i) =>
    i % bytesPerBlock === 1 || i % bytesPerBlock === 3 ? 0x2c : (i * 31) % 256,
  );
  const expected = new Float32Array(blocks * blockSize);
  dequantize(bytes, expected, 0);

  const facts = { name: "w", type: "Q4_1", shape: [blocks, blockSize], byteLength: bytes.length };
  const weight = storedWeight(tensorAt(memorySource("a file", bytes), 0, facts), "Q4_1");
  const outs = Array.from({ length: 3 }, () => new Float32Array(expected.length));
  await Promise.all(outs.map((out) => weight.dequantize(out)));
  for (const out of outs)
    expect(Buffer.from(out.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
});
