import { expect, test } from "vitest";
import type { MappingSpec } from "./spec.ts";
import { parseSpec, safeParseSpec } from "./schema.ts";

const minimal = { version: 1, source: { model: "m", prompt: "a" }, target: { prompt: "b" } };
const file = "map.safetensors";

function mappingOf(mapping: unknown): MappingSpec {
  return parseSpec({ ...minimal, mapping }).mapping;
}

/** Each issue as its path and message. */
function issuesOf(mapping: unknown): readonly string[] {
  const parsed = safeParseSpec({ ...minimal, mapping });
  if (parsed.success) return [];
  return parsed.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("A mapping's file needs no kind beside it, and nothing else", () => {
  expect(mappingOf({ file })).toEqual({ kind: "file", file });
  expect(mappingOf({ kind: "file", file })).toEqual({ kind: "file", file });
  expect(issuesOf({ file: "" })[0]).toContain("mapping.file");
  expect(issuesOf({ kind: "file" })[0]).toContain("mapping.file");
  expect(issuesOf({ file, norm: 1 })[0]).toContain("unknown key");
});

test("Its maps may be said to be of a kind", () => {
  const read = { kind: "file", file, maps: "low-rank" };
  expect(mappingOf({ kind: "low-rank", file })).toEqual(read);
  expect(mappingOf(read)).toEqual(read);
  expect(mappingOf({ kind: "scalar-affine", file })).toEqual({ ...read, maps: "scalar-affine" });
  expect(issuesOf({ kind: "affine" })).toEqual(["mapping.file: missing: expected a text"]);
  expect(issuesOf({ file, maps: "linear" })[0]).toContain("mapping.maps: expected affine");
});

test("Of the simplest kind the numbers may be there in place of a file", () => {
  const numbers = { kind: "scalar-affine", factor: 2, bias: 0.5 };
  expect(mappingOf(numbers)).toEqual(numbers);
  expect(mappingOf({ kind: "scalar-affine" })).toEqual({ ...numbers, factor: 1, bias: 0 });
  expect(issuesOf({ ...numbers, bias: "high" })).toEqual([
    'mapping.bias: expected a number, got "high"',
  ]);
  expect(issuesOf({ ...numbers, file })[0]).toContain("unknown key");
});
