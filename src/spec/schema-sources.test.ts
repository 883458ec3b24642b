import { describe, expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { canonicalSpec, specHash } from "./canonical.ts";
import { safeParseSpec, parseSpec } from "./schema.ts";

const minimal = {
  version: 1,
  source: { model: "m", prompt: "The capital of France is" },
  target: { prompt: "x" },
};
const sources = { italy: { prompt: "Italy" }, steer: { file: "v.safetensors", tensor: "steer" } };

const issuesOf = (input: unknown): string[] => issueLines(() => parseSpec(input));

const weights = { source: "sha256:00" };

describe("Sources of vectors", () => {
  test("A file takes the prompt's place, in the source and in named sources", () => {
    const { source, sources: named } = parseSpec({
      ...minimal,
      source: { model: "m", file: "v.safetensors", layer: 3 },
      sources,
    });
    expect(source).toEqual({
      model: "m",
      file: "v.safetensors",
      position: -1,
      layer: 3,
      site: "resid_post",
    });
    expect(named).toEqual({
      italy: { prompt: "Italy", position: -1, layer: "same" },
      steer: { file: "v.safetensors", tensor: "steer", position: -1, layer: "same" },
    });
  });

  test("A prompt beside a file, or a tensor without one, is refused", () => {
    expect(issuesOf({ ...minimal, source: { ...minimal.source, file: "v" } })).toEqual([
      "source: expected exactly one of prompt, tokens, messages, file, got prompt and file",
    ]);
    expect(issuesOf({ ...minimal, source: { ...minimal.source, tensor: "v" } })).toEqual([
      "source.tensor: stands without a file",
    ]);
    expect(issuesOf({ ...minimal, sources: { a: {} } })).toEqual([
      "sources.a: missing: expected exactly one of prompt, tokens, messages, file",
    ]);
    expect(issuesOf({ ...minimal, sources: [] })[0]).toContain("an object of named sources");
  });

  test("What a file holds stands in the hash, not where it lies", async () => {
    const spec = (file: string): ReturnType<typeof parseSpec> =>
      parseSpec({ ...minimal, source: { model: "m", file }, sources: { b: { file } } });
    const hashes = (file: string, hash: string): Promise<string> =>
      specHash(spec(file), { ...weights, vectors: new Map([[file, hash]]) });
    expect(await hashes("a", "sha256:1")).toBe(await hashes("b", "sha256:1"));
    expect(await hashes("a", "sha256:1")).not.toBe(await hashes("a", "sha256:2"));
  });
});

describe("Mappings of several steps", () => {
  test("are lists; a name alone is a list of one", () => {
    const mapping = [
      { kind: "difference", with: "italy" },
      { kind: "projection", onto: ["steer"] },
      { kind: "scale", factor: [1, 2] },
    ];
    expect(parseSpec({ ...minimal, sources, mapping }).mapping).toEqual([
      { kind: "difference", with: ["italy"] },
      { kind: "projection", onto: ["steer"], remove: false },
      { kind: "scale", factor: [1, 2] },
    ]);
  });

  test("Of names that no source has, each says so, with the nearest", () => {
    const parsed = safeParseSpec({
      ...minimal,
      sources,
      mapping: [{ kind: "identity" }, { kind: "mean", with: ["itali", "steer"] }],
    });
    expect(parsed.success ? [] : parsed.issues).toEqual([
      {
        code: "source-unknown",
        path: ["mapping", 1, "with"],
        message: 'no source is called "itali": there are italy, steer',
        hint: 'Did you mean "italy"?',
      },
    ]);
    expect(
      issuesOf({ ...minimal, mapping: { kind: "interpolation", with: "a", amount: 1 } }),
    ).toEqual(['mapping.with: no source is called "a": there are none']);
  });

  test.each([
    ["a second file", [{ file: "a" }, { file: "b" }], "mapping.1: a second file"],
    [
      "a second list of factors",
      [
        { kind: "scale", factor: [1] },
        { kind: "scale", factor: [2] },
      ],
      "mapping.1: a second list of factors",
    ],
    ["an empty list of factors", { kind: "scale", factor: [] }, "mapping.factor: "],
    ["an unknown kind", [{ kind: "men" }], "mapping.0.kind: "],
    ["a word", "mean", "mapping: "],
  ])("%s is refused", (_, mapping, message) => {
    const issues = issuesOf({ ...minimal, mapping });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(message);
  });

  test("that ask for the same thing have the same canonical form", () => {
    const canonical = (mapping: unknown): string =>
      canonicalSpec(parseSpec({ ...minimal, mapping }), weights);
    expect(canonical([])).toBe(canonical({ kind: "identity" }));
    expect(canonical([{ kind: "identity" }, { kind: "scale", factor: [2] }])).toBe(
      canonical({ kind: "scale", factor: 2 }),
    );
    expect(canonical({ kind: "scale", factor: [2, 3] })).not.toBe(
      canonical({ kind: "scale", factor: [3, 2] }),
    );
  });
});

describe("Places", () => {
  test("Slices, ranges, markers and overwriting are read with their defaults", () => {
    const { source, target } = parseSpec({
      ...minimal,
      source: {
        ...minimal.source,
        position: { together: { from: 0, to: -1 } },
        layer: { together: [1, 2] },
      },
      target: {
        prompt: "[X]",
        position: { marker: "[X]" },
        layer: { together: [0, 1] },
        contamination: "overwrite",
      },
    });
    expect(source.position).toEqual({ together: { from: 0, to: -1 } });
    expect(source.layer).toEqual({ together: [1, 2] });
    expect(target.position).toEqual({ marker: "[X]", as: "x" });
    expect(target.contamination).toBe("overwrite");
  });

  test.each([
    ["source", { together: 3 }, "source.position.together: "],
    ["source", { marker: "[X]" }, "source.position.marker: unknown key"],
    ["target", { marker: "" }, "target.position.marker: "],
    ["target", { marker: "[X]", times: 0 }, "target.position.times: "],
    ["target", { together: "all" }, "target.position.together: unknown key"],
    ["target", { from: 1 }, "target.position.to: missing"],
  ])("In the %s, %j is refused", (side, position, message) => {
    const fields = side === "source" ? minimal.source : minimal.target;
    const issues = issuesOf({ ...minimal, [side]: { ...fields, position } });
    expect(issues[0]).toContain(message);
  });
});
