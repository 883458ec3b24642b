/** Factors, slices and files of vectors in every form of a result. */
import { expect, test } from "vitest";
import { exampleResult, generated, place } from "../../tests/support/example-results.ts";
import type { PatchscopeResult } from "../result/result.ts";
import { csv } from "./csv.ts";
import { markdown } from "./markdown.ts";
import { table } from "./table.ts";

const plain = { width: 80, colour: false, unicode: true };

function scaled(): PatchscopeResult {
  const cell = (layer: number, factor: number, evidence: number) => ({
    source: place(layer, 2),
    target: place(layer, 8),
    factor,
    ...generated(" a yen", 0.5),
    evidence,
  });
  const result = exampleResult({ cells: [cell(3, 0.5, 1), cell(3, 2, 7), cell(4, 0.5, 4)] });
  const mapping = { kind: "scale", factor: [0.5, 2] } as const;
  return { ...result, spec: { ...result.spec, mapping } };
}

test("a row says its factor, and which of them has the most evidence", () => {
  const text = table(scaled(), plain);
  expect(text).toMatch(/3 \*0\.5 .*1\.0/u);
  expect(text).toMatch(/3 \*2 .*7\.0/u);
  expect(text).toContain("one layer, scaled, replaces");
  expect(text.replaceAll(/\s+/gu, " ")).toContain("Most evidence: layer 3 *2 (7.0 nats).");
});

test("equal texts at several factors stay rows of their own", () => {
  const rows = table(scaled(), plain).match(/ a yen/gu);
  expect(rows).toHaveLength(3);
});

test("csv and markdown have a column for it, and none where there are no factors", () => {
  expect(csv(scaled()).split("\n").slice(0, 2)).toEqual([
    expect.stringMatching(/^source_layer,.*,target_position,factor,text,/u),
    expect.stringMatching(/^3,2,3,8,0\.5," a yen",/u),
  ]);
  expect(markdown(scaled())).toContain("| target position | factor | text |");
  expect(csv(exampleResult({ cells: [] }))).not.toContain("factor");
});

test("what is as in the paper's code is said to be", () => {
  const result = scaled();
  const asPair = { ...result, spec: { ...result.spec, compat: "pair" } } as const;
  expect(markdown(asPair)).toContain("As the paper's code does it");
  expect(markdown(result)).not.toContain("As the paper's code does it");
  const padding = { source: 2, target: 3 };
  const inBatch = {
    ...result,
    spec: { ...result.spec, compat: { kind: "pair", padding } },
  } as const;
  expect(markdown(inBatch)).toContain("2 tokens before the source, 3 before the target");
});

test("vectors of a file are named where the prompt would be", () => {
  const result = scaled();
  const { prompt: _, ...source } = { prompt: "", ...result.spec.source };
  const spec = { ...result.spec, source: { ...source, file: "steer.safetensors" } };
  const ofFile = { ...result, spec, source: { tokens: [], pieces: [], positions: [0] } };
  expect(table(ofFile, plain)).toContain("source  vectors of steer.safetensors");
  expect(markdown(ofFile)).toContain("source `vectors of steer.safetensors`");
});

test("vectors of another network are called that, and held against others of their file", () => {
  const result = exampleResult({
    cells: [0, 5].map((position) => ({
      source: place("embedding", position),
      target: place("embedding", 2),
      ...generated(" a violin", 0.3),
      evidence: 7,
    })),
    controls: { unrelated: [{ behind: 1 }, { behind: 2 }] },
  });
  const { spec } = result;
  const source = { ...spec.source, file: "images.safetensors", item: 3 };
  const mapping = { kind: "file", file: "map.safetensors" } as const;
  const text = table(
    { ...result, spec: { ...spec, source, mapping }, source: { ...result.source, pieces: [] } },
    plain,
  );
  expect(text).toContain("source  vectors of images.safetensors, item 3");
  expect(text.replaceAll("\n", " ")).toContain(
    "The vector of the file, mapped, replaces the state of the target's [token] at the embedding; then",
  );
  expect(text.replaceAll("\n", " ")).toContain("or with 2 other vectors of the file.");
  expect(text).toContain("from vector 5\n");
});

test("a cell that writes several vectors of one layer is a row of that layer", () => {
  const writes = [1, 2].map((at) => ({ source: place(5, at), target: place(0, at + 3) }));
  const text = table(exampleResult({ cells: [{ writes, ...generated(" a", 1) }] }), plain);
  expect(text).toMatch(/^ +5 +a/mu);
});
