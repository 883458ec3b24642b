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

test("A round trip is on or off", () => {
  expect(readOf({ roundTrip: true })).toHaveProperty("roundTrip", true);
  expect(issuesOf({ roundTrip: "yes" })).toEqual([
    'read.roundTrip: expected true or false, got "yes" []',
  ]);
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

describe("A contrast with the prior", () => {
  const contrast = { against: "unpatched", amount: 1, plausibility: 0.1 };

  test("alone takes the best token; beside a temperature tokens are drawn", () => {
    expect(readOf({ decoding: { contrast: {} } })).toHaveProperty("decoding", { contrast });
    const drawn = { temperature: 1, topP: 0.9, contrast };
    expect(readOf({ decoding: { topP: 0.9, contrast: {} } })).toHaveProperty("decoding", drawn);
    expect(readOf({ decoding: { contrast } })).toHaveProperty("decoding", { contrast });
  });

  test.each<[string, unknown]>([
    ["read.decoding.contrast.amount: expected a number above 0, got 0 []", { amount: 0 }],
    [
      "read.decoding.contrast.plausibility: expected a number above 0 and up to 1, got 2 []",
      { plausibility: 2 },
    ],
    ['read.decoding.contrast.against: expected unpatched, got "random" []', { against: "random" }],
  ])("%s", (issue, value) => {
    expect(issuesOf({ decoding: { contrast: value } })).toEqual([issue]);
  });
});

test("The control text-only may have a text of its own", () => {
  const own = { kind: "text-only", prompt: "The capital of France is" };
  expect(parseSpec({ ...minimal, controls: [own] }).controls).toEqual([own]);
  const parsed = safeParseSpec({ ...minimal, controls: [{ ...own, prompt: "" }] });
  expect(parsed.success ? [] : parsed.issues).toMatchObject([
    { path: ["controls", 0, "prompt"], message: 'expected a text that is not empty, got ""' },
  ]);
});
