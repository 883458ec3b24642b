import { describe, expect, test } from "vitest";
import { fieldsOf, filled } from "./template.ts";

const TEMPLATE = {
  source: { prompt: "I went to {{ country }} in {{year}}", position: { find: "{{country}}" } },
  target: { layer: "{{layer}}", prompt: "x" },
  contrast: ["{{country}}", { prompt: "{{other country}}" }],
  seed: 0,
};

test("the fields of a template are those of all its texts, each once", () => {
  expect(fieldsOf(TEMPLATE)).toEqual(["country", "year", "layer", "other country"]);
  expect(fieldsOf({ prompt: "no {gap}, {{}} or {{ }}" })).toEqual([]);
});

test("a sample fills all gaps; nothing else changes", () => {
  const sample = { country: "Japan", year: 1999, layer: [0, 5], "other country": "Peru", rest: 1 };
  expect(filled(TEMPLATE, sample)).toEqual({
    source: { prompt: "I went to Japan in 1999", position: { find: "Japan" } },
    target: { layer: [0, 5], prompt: "x" },
    contrast: ["Japan", { prompt: "Peru" }],
    seed: 0,
  });
});

test("what a value holds is not looked at for gaps or patterns", () => {
  expect(filled("a {{b}}", { b: "$& {{c}} $1" })).toBe("a $& {{c}} $1");
});

describe("a sample does not fit", () => {
  const issuesWith = (sample: Record<string, unknown>): unknown => {
    try {
      return filled(TEMPLATE, sample);
    } catch (error) {
      return error;
    }
  };

  test("with a field missing: the gap's path, what there is, and the nearest name", () => {
    expect(issuesWith({ contry: "Japan", year: 1, layer: 1, "other country": "" })).toMatchObject({
      code: "spec-invalid",
      message: expect.stringContaining(
        'source.prompt: the sample has no field "country": it has contry, year, layer, other country',
      ) as string,
      hint: 'Did you mean "contry"?',
    });
  });

  test("with nothing in a field, or with what only objects have by themselves", () => {
    expect(issuesWith({ country: null, year: 1, layer: 1, "other country": "" })).toMatchObject({
      code: "spec-invalid",
    });
    expect(() => filled("{{toString}}", {})).toThrow('no field "toString": it has none');
  });

  test("with a list within a text", () => {
    expect(issuesWith({ country: ["a"], year: 1, layer: 1, "other country": "" })).toMatchObject({
      message: expect.stringContaining(
        'the sample\'s field "country" is no text or number, and stands within a text',
      ) as string,
    });
  });
});
