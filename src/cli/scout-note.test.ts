import { expect, test } from "vitest";
import { scoutNote } from "./scout-note.ts";

test("int8 says how near it was measured to be", () => {
  expect(scoutNote("smollm2-135m-instruct", "int8")).toMatch(
    /next token of float32 in \d\d% of \d+ places \(KL 0\.\d+ nats/u,
  );
});

test("and of models that nobody has measured, how to do that", () => {
  expect(scoutNote("a/folder", "int8")).toContain("models verify a/folder --precision int8");
});

test("Other precisions say what float32 says", () => {
  expect(scoutNote("smollm2-135m-instruct", "float32")).toBeUndefined();
  expect(scoutNote("smollm2-135m-instruct", "quantized")).toBeUndefined();
});
