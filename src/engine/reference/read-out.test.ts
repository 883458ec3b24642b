import { expect, test } from "vitest";
import { readOut } from "./read-out.ts";

const at = [{ row: 0, offset: 0 }];

test("equal logits come in the order of their ids", () => {
  const read = readOut({ at, topK: 4 }, [Float32Array.of(1, 3, 3, 1)], 4);
  expect([...read.topTokens]).toEqual([1, 2, 0, 3]);
});

test("log-probabilities are exact where exponentials would overflow", () => {
  const tracked = Int32Array.of(1);
  const read = readOut({ at, topK: 1, tracked }, [Float32Array.of(1e4, 1e4 - 3)], 2);
  const normalizer = Math.log(1 + Math.exp(-3));
  expect(read.topLogprobs[0]).toBeCloseTo(-normalizer, 6);
  expect(read.trackedLogprobs?.[0]).toBeCloseTo(-3 - normalizer, 6);
});
