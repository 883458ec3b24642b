import { expect, test } from "vitest";

import { AlignedText } from "./aligned-text.ts";

test("a composed character spans all that it was composed of", () => {
  const aligned = AlignedText.of("ae\u0301ᄉ\u116e\u11b7!", 10).apply({ kind: "nfc" });
  expect(aligned.text).toBe("aé숨!");
  expect(aligned.span(0, 1)).toEqual([10, 11]);
  expect(aligned.span(1, 2)).toEqual([11, 13]);
  expect(aligned.span(2, 3)).toEqual([13, 16]);
  expect(aligned.span(1, 4)).toEqual([11, 17]);
});

test("what is put in front counts to the first character, and later steps keep that", () => {
  const aligned = AlignedText.of("😀 b", 0)
    .apply({ kind: "prepend", text: "▁" })
    .apply({ kind: "replace", from: " ", to: "▁▁" });
  expect(aligned.text).toBe("▁😀▁▁b");
  expect(aligned.span(0, 1)).toEqual([0, 2]);
  expect(aligned.span(0, 3)).toEqual([0, 2]);
  expect(aligned.span(3, 4)).toEqual([2, 3]);
  expect(aligned.span(5, 6)).toEqual([3, 4]);
});

test("nothing is put in front of nothing, and nothing is replaced by an empty search", () => {
  const empty = AlignedText.of("", 3).apply({ kind: "prepend", text: "▁" });
  expect(empty.text).toBe("");
  expect(AlignedText.of("ab", 3).apply({ kind: "replace", from: "", to: "x" }).text).toBe("ab");
});
