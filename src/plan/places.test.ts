/** Markers, slices and named sources in plans. */
import { describe, expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { wordModel } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import { explain } from "./explain.ts";
import type { Plan } from "./plan.ts";

function planOf(source: object, target: object, more: object = {}): Plan {
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "The capital of France is", layer: 1, ...source },
    target: { prompt: "dog cat bird x", ...target },
    ...more,
  });
  return buildPlan(spec, { model: wordModel(), unrelatedSentences: ["a b"] });
}

const issuesOf = (...parts: Parameters<typeof planOf>): string[] =>
  issueLines(() => planOf(...parts));

/** Position and layer of each write, source and target, cell by cell. */
function placesOf({ cells }: Plan): string[] {
  return cells.map(({ writes }) =>
    writes
      .map(
        ({ from, to, names }) => `${names.source}@${from.position}>${names.target}@${to.position}`,
      )
      .join(" "),
  );
}

describe("A marker", () => {
  test("is taken out, and a placeholder stands where it was", () => {
    const plan = planOf({}, { prompt: "tell me about [X] now", position: { marker: "[X]" } });
    expect(plan.target.pieces).toEqual(["tell", " me", " about", " x", " now"]);
    expect(placesOf(plan)).toEqual(["1@4>1@3"]);
  });

  test("that is there several times, or for several, gets the same vector everywhere", () => {
    const twice = planOf({}, { prompt: "[X] and [X]", position: { marker: "[X]", as: "_" } });
    expect(twice.target.pieces).toEqual(["_", " and", " _"]);
    expect(placesOf(twice)).toEqual(["1@4>1@0 1@4>1@2"]);
    const repeated = planOf({}, { prompt: "a [X]", position: { marker: "[X]", times: 3 } });
    expect(repeated.target.pieces).toEqual(["a", " x", " x", " x"]);
    expect(placesOf(repeated)).toEqual(["1@4>1@1 1@4>1@2 1@4>1@3"]);
  });

  test("in a message is found in what the chat template makes of it", () => {
    const messages = [{ role: "user", content: "say [X] please" }];
    const plan = planOf({}, { prompt: undefined, messages, position: { marker: "[X]" } });
    expect(plan.target.pieces[plan.target.positions[0] ?? -1]).toBe(" x");
  });

  test("that stands alone is for all states of a slice", () => {
    const slice = { position: { together: { from: 1, to: 3 } } };
    const plan = planOf(slice, { prompt: "read [X] aloud", position: { marker: "[X]" }, layer: 0 });
    expect(plan.target.pieces).toEqual(["read", " x", " x", " x", " aloud"]);
    expect(placesOf(plan)).toEqual(["1@1>0@1 1@2>0@2 1@3>0@3"]);
  });

  test.each([
    ["is not there", { prompt: "no", position: { marker: "[X]" } }, "does not occur"],
    [
      "shares its token",
      { prompt: "[X][X]", position: { marker: "[X]" } },
      'has no token of its own: "xx" holds more than one',
    ],
    ["is in tokens", { prompt: undefined, tokens: [1], position: { marker: "[X]" } }, "of its own"],
    ["is in the source's", { prompt: "same", position: { marker: "[X]" } }, "of its own"],
  ])("that %s is refused", (_, target, message) => {
    const issues = issuesOf({}, target);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(message);
  });
});

describe("A slice", () => {
  test("goes one to one, in the order given, in one cell for each layer", () => {
    const plan = planOf(
      { position: { together: [3, { find: "The" }] }, layer: [0, 2] },
      { position: [0, 2], layer: "same" },
    );
    expect(placesOf(plan)).toEqual(["0@3>0@0 0@0>0@2", "2@3>2@0 2@0>2@2"]);
    expect(plan.cells.map(({ isPair }) => isPair)).toEqual([false, false]);
  });

  test("of layers goes one to one too, and both at once", () => {
    const plan = planOf(
      { position: { together: [1, 2] }, layer: { together: [3, 1] } },
      { position: [0, 1], layer: { together: [0, 2] } },
    );
    expect(placesOf(plan)).toEqual(["3@1>0@0 3@2>0@1 1@1>2@0 1@2>2@1"]);
  });

  test("into the same places stays where it was", () => {
    const together = { together: { from: -2, to: -1 } };
    expect(placesOf(planOf({ position: together }, { prompt: "same", position: "same" }))).toEqual([
      "1@3>1@3 1@4>1@4",
    ]);
  });

  test("without as many places is refused", () => {
    expect(issuesOf({ position: { together: "all" } }, { position: [0, 1] })).toEqual([
      "target.position: the source reads 5 positions together, and the target has 2 for them",
    ]);
    expect(issuesOf({ layer: { together: [0, 1] } }, { layer: [0, 1] })).toEqual([
      "target.layer: the source reads 2 layers together, and the target has 2 for them",
    ]);
    expect(issuesOf({ position: { from: 3, to: 1 } }, {})).toEqual([
      "source.position: the range from position 3 to position 1 is empty",
    ]);
  });
});

describe("Named sources", () => {
  const sources = {
    a: { prompt: "one two", position: { find: "one" } },
    b: { prompt: "three", layer: -1 },
    unused: { prompt: "four" },
  };
  const mapping = [
    { kind: "difference", with: ["a", "b"] },
    { kind: "scale", factor: [1, 3] },
  ];

  test("that the mapping names are planned, each at its place", () => {
    const plan = planOf({}, {}, { sources, mapping });
    expect(plan.sources.map(({ name, position, place }) => [name, position, place])).toEqual([
      ["a", 0, "same"],
      ["b", 0, { site: "resid_post", layer: 3 }],
    ]);
    expect(plan.cells.map(({ writes }) => writes[0]?.factor)).toEqual([1, 3]);
    expect(explain(plan)).toContain("Mapping: with 2 named sources, each run once.");
  });

  test("that are wrong are refused, used or not", () => {
    const wrong = { ...sources, unused: { prompt: "four", layer: 9, position: 3 } };
    expect(issuesOf({}, {}, { sources: wrong, mapping })).toEqual([
      "sources.unused.position: position 3 does not exist: the source prompt has 1 token, positions 0 to 0",
      "sources.unused.layer: layer 9 does not exist: toy has layers 0 to 3",
    ]);
  });
});

test("Overwriting runs from block 0, and needs the residual stream", () => {
  const plan = planOf({}, { layer: 2, contamination: "overwrite" });
  expect(plan.cells[0]).toMatchObject({ entry: 0, isOverwriting: true, hidden: [] });
  expect(explain(plan)).toContain("Overwritten: keys and values");
  expect(issuesOf({}, { site: "mlp_out", contamination: "overwrite" })).toEqual([
    "target.contamination: overwrite needs a state of the residual stream; the target's site is mlp_out",
  ]);
});

test("Too many cells are counted, not made", () => {
  const many = Array.from({ length: 100_000 }, () => 0);
  const [issue] = issuesOf({ layer: many }, { layer: many });
  expect(issue).toContain("writes 10000000000 hidden states");
  const mapping = { kind: "scale", factor: Array.from({ length: 1000 }, () => 1) };
  expect(issuesOf({ layer: many }, { layer: "same" }, { mapping })[0]).toContain(
    "100000000 hidden",
  );
});
