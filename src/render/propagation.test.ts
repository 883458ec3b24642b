import { describe, expect, test } from "vitest";
import {
  exampleLadder,
  exampleResult,
  nextTokens,
  place,
} from "../../tests/support/example-results.ts";
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import { csv } from "./csv.ts";
import { markdown } from "./markdown.ts";
import { table } from "./table.ts";

const cell = (layer: number): CellRecord => ({
  source: place(layer, 2),
  target: place(layer, 7),
  next: nextTokens([" yen", 0.5]),
  propagation: {
    layers: [28, 29],
    positions: [7, 8],
    difference: [
      [1.5, 0],
      [1, 0.25],
    ],
    cosine: [
      [0.1, 1],
      [0.2, 0.9],
    ],
    kl: [
      [3, 0],
      [2, 0.5],
    ],
  },
});

function resultOf(...cells: readonly CellRecord[]): PatchscopeResult {
  const unpatched = { next: nextTokens([" euro", 0.25]) };
  return exampleResult({
    cells,
    read: { kind: "propagation", topK: 10 },
    controls: { unpatched },
  });
}

const drawn = (result: PatchscopeResult): readonly string[] =>
  table(result, { width: 80, colour: false, unicode: true }).split("\n");

describe("How far a patch travels", () => {
  test("is shown block by block and token by token, with the next tokens at the end", () => {
    const lines = drawn(resultOf(cell(28)));
    expect(lines).toContain("layer      ,      x");
    expect(lines).toContain("   28 █ 1.50   0.00");
    expect(lines).toContain("   29 ▓ 1.00 · 0.25");
    expect(lines).toContain("   29 ▓ 2.00 · 0.50");
    expect(lines).toContain("next token with the patch: yen 50%");
    expect(lines).toContain("without it: euro 25%");
    expect(lines.join(" ")).toContain("then the run is held against the one without the patch");
  });

  test("of several patches is what is left behind the last block, a row for each", () => {
    const lines = drawn(resultOf(cell(3), { ...cell(4), target: place(7, 7) }));
    expect(lines).toContain("patch      ,      x");
    expect(lines).toContain("    3 █ 2.00 ░ 0.50");
    expect(lines).toContain("  4>7 █ 2.00 ░ 0.50");
  });

  test("is a line for each block and token in CSV", () => {
    expect(
      csv(resultOf(cell(28)))
        .split("\n")
        .slice(0, 3),
    ).toEqual([
      "source_layer,source_position,target_layer,target_position,layer,position,difference,cosine,kl",
      "28,2,28,7,28,7,1.5,0.1,3",
      "28,2,28,7,28,8,0,1,0",
    ]);
  });

  test("is a table for each measure in Markdown", () => {
    const lines = markdown(resultOf(cell(28))).split("\n");
    expect(lines).toContain("| layer | `,` | `x` |");
    expect(lines).toContain("| `29` | 2.00 | 0.50 |");
    expect(lines).toContain("cosine with the unpatched state:");
  });
});

test("Neighbours are shown with their cosines, and without a target", () => {
  const neighbours = [
    { token: 1, piece: " Paris", cosine: 0.5, dot: 3 },
    { token: 2, piece: " Lyon", cosine: 0.25, dot: 2 },
  ];
  const result = exampleResult({
    cells: [{ source: place(3, 2), target: place(3, 2), next: [], neighbours }],
    read: { kind: "neighbours", topK: 2, of: "input" },
  });
  const text = drawn(result).join("\n");
  expect(text).toContain("    3  Paris 0.50 · Lyon 0.25");
  expect(text).toContain("nearest to the state of the");
  expect(text).not.toContain("target");
  expect(csv(result).split("\n")).toEqual([
    "source_layer,source_position,target_layer,target_position,near_1,cosine_1,near_2,cosine_2",
    '3,2,3,2," Paris",0.5," Lyon",0.25',
  ]);
  expect(markdown(result)).toContain("| 3 | 2 | 3 | 2 | Paris 0.50 · Lyon 0.25 |");
});

test("Round trips are a column of their own, and are explained", () => {
  const ladder = exampleLadder();
  const cells = ladder.cells.map((each, index) => ({
    ...each,
    roundTrip: { cosine: 0.9, unrelated: [0.7, 0.9], centred: index / 10 - 0.1 },
  }));
  const result = { ...ladder, cells };
  const text = drawn(result).join("\n");
  expect(text).toContain("round trip");
  expect(text).toMatch(/0–1 .* -0.10 to 0.00/u);
  expect(text).toContain("0 is no nearer than any");
  const [header, first] = csv(result).split("\n");
  expect(header).toContain("round_trip,round_trip_centred,round_trip_unrelated");
  expect(first).toContain("0.9,-0.1,0.8");
  expect(markdown(result)).toContain("| round trip |");
  expect(markdown(result)).toContain("| -0.10 |");
});
