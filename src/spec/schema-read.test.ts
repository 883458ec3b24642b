import { describe, expect, test } from "vitest";
import { parseSpec, safeParseSpec } from "./schema.ts";
import type { ReadSpec } from "./spec.ts";

const minimal = { version: 1, source: { model: "m", prompt: "a" }, target: { prompt: "b" } };

function readOf(read: unknown): ReadSpec {
  return parseSpec({ ...minimal, read }).read;
}

/** Each issue as its path, message and hint. */
function issuesOf(read: unknown): readonly string[] {
  const parsed = safeParseSpec({ ...minimal, read });
  if (parsed.success) return [];
  return parsed.issues.map(
    ({ path, message, hint }) => `${path.join(".")}: ${message} [${hint ?? ""}]`,
  );
}

describe("Stop strings", () => {
  test("are one text or several", () => {
    expect(readOf({ stop: "\n" })).toHaveProperty("stop", ["\n"]);
    expect(readOf({ stop: [".", "###"] })).toHaveProperty("stop", [".", "###"]);
    expect(readOf({})).not.toHaveProperty("stop");
  });

  test.each<[string, unknown]>([
    ["read.stop: expected at least one entry, got an empty list []", { stop: [] }],
    ['read.stop.1: expected a text that is not empty, got "" []', { stop: ["a", ""] }],
    ["read.stop: expected a text or a list of texts, got 3 []", { stop: 3 }],
    [
      "read.stop: unknown key, expected one of kind, topK, position [stop goes with kind: generate.]",
      { kind: "next-token", stop: "." },
    ],
  ])("%s", (issue, read) => {
    expect(issuesOf(read)).toEqual([issue]);
  });
});

describe("Read-outs that are no texts", () => {
  test("have their defaults", () => {
    expect(readOf({ kind: "propagation" })).toEqual({ kind: "propagation", topK: 10 });
    expect(readOf({ kind: "neighbours" })).toEqual({ kind: "neighbours", topK: 10, of: "input" });
  });

  test.each<[string, unknown]>([
    [
      "read.position: unknown key, expected one of kind, topK [position goes with kind: next-token.]",
      { kind: "propagation", position: 1 },
    ],
    [
      'read.of: expected input or output, got "inptu" [Did you mean "input"?]',
      { kind: "neighbours", of: "inptu" },
    ],
    [
      'read.kind: expected generate, next-token, propagation or neighbours, got "neighbors" [Did you mean "neighbours"?]',
      { kind: "neighbors" },
    ],
  ])("%s", (issue, read) => {
    expect(issuesOf(read)).toEqual([issue]);
  });
});
