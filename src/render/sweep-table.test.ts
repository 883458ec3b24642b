import { describe, expect, test } from "vitest";
import {
  exampleResult,
  generated,
  nextTokens,
  place,
  type ExampleParts,
} from "../../tests/support/example-results.ts";
import type { CellRecord } from "../result/result.ts";
import { sweepTable } from "./sweep-table.ts";
import { sweepCounter } from "./sweep-tally.ts";

const OPTIONS = { width: 90, colour: false, unicode: true, hasTable: true, seconds: 2.5 };

function drawn(
  results: readonly (ExampleParts & { readonly answers?: readonly string[] })[],
  options: Partial<typeof OPTIONS> = {},
): string {
  const counter = sweepCounter([]);
  for (const { answers, ...parts } of results) counter.add(exampleResult(parts), answers);
  return sweepTable(counter.tally(), { ...OPTIONS, ...options });
}

/** A text with evidence, at a position that differs from sample to sample. */
function said(layer: number, position: number, text: string, evidence: number): CellRecord {
  return {
    source: place(layer, position),
    target: place(layer, 8),
    ...generated(text, 0.5),
    evidence,
  };
}

const read = { kind: "next-token", topK: 1, position: -1 } as const;

describe("a ladder", () => {
  const controls = { unpatched: generated(" Paris, of course", 0.5) };

  test("has the share of right texts in each layer, and how many depend on the vector", () => {
    expect(
      drawn([
        {
          cells: [said(0, 2, " Tokyo is", 6), said(1, 2, " the city", 0)],
          controls,
          answers: ["Tokyo"],
        },
        {
          cells: [said(0, 5, " It is paris.", 1), said(1, 5, " Rome", 9)],
          controls,
          answers: ["Lutetia", "Paris"],
        },
      ]),
    ).toMatchInlineSnapshot(`
      "smollm2-135m-instruct · float32 · 2 samples · 4 read-outs · 2.5 s

        layer  right                  95%      of  depend
            0   100%  ██████████  34–100%  2 of 2  1 of 2
            1     0%                0–66%  0 of 2
      ───────────────────────────────────────────────────
      without    50%  █████         9–91%  1 of 2

      At best 2 of 2 (100%, 95% interval 34–100%) are right, at layer 0.
      That is the best of 2 cells, chosen in hindsight: other samples will say less, and the
      interval does not count the choice. To know how good a cell is, name it in the spec and
      sweep other samples.
      Without the vector the prompt alone is right in 1 of 2 (50%, 95% interval 9–91%).
      Depending on the vector: 1 of 2 right read-outs; in that cell 1 of 2.
      Right: the text has the answer in it as whole words, wherever and whatever else it says. A
      read-out is what can be decoded from a state: not that it is stored there, or used, or
      true."
    `);
  });

  test("is left out where only the words are wanted", () => {
    const text = drawn([{ cells: [said(0, 2, " Tokyo", 6)], answers: ["Tokyo"] }], {
      hasTable: false,
    });
    expect(text).toMatchInlineSnapshot(`
      "smollm2-135m-instruct · float32 · 1 sample · 1 read-out · 2.5 s
      1 of 1 (100%, 95% interval 21–100%) are right, at layer 0.
      Depending on the vector: 1 of 1 right read-out.
      Right: the text has the answer in it as whole words, wherever and whatever else it says. A
      read-out is what can be decoded from a state: not that it is stored there, or used, or
      true."
    `);
  });
});

test("a grid is a map, its first best cell is named, and the next token only has to begin the answer", () => {
  const cellsOf = (right: number): readonly CellRecord[] =>
    [0, 1].flatMap((from) =>
      [0, 1].map((to) => ({
        source: place(from, 2),
        target: place(to, 8),
        next: nextTokens([2 * from + to < right ? " Tok" : " the", 0.5]),
      })),
    );
  const answers = ["Tokyo"];
  expect(
    drawn([
      { read, cells: cellsOf(3), answers },
      { read, cells: cellsOf(2), answers },
    ]),
  ).toMatchInlineSnapshot(`
    "smollm2-135m-instruct · float32 · 2 samples · 8 read-outs · 2.5 s

    from > into      0      1
              0 █ 1.00 █ 1.00
              1 ▒ 0.50   0.00
    share of right read-outs: · 0.00  ░ 0.20  ▒ 0.40  ▓ 0.60  █ 0.80 and more

    At best 2 of 2 (100%, 95% interval 34–100%) are right, from layer 0 into layer 0, and as
    many in 1 other cell.
    That is the best of 4 cells, chosen in hindsight: other samples will say less, and the
    interval does not count the choice. To know how good a cell is, name it in the spec and
    sweep other samples.
    Right: the answer begins with the likeliest token, which may be no more than its first
    letters. A read-out is what can be decoded from a state: not that it is stored there, or
    used, or true."
  `);
});

test("several positions of the source are columns, in the spec's order", () => {
  const cells = [0, 1].flatMap((position) =>
    [3, 4].map((layer) => ({
      source: place(layer, position + 4),
      target: place(layer, 8),
      next: nextTokens([position === 0 ? " a" : " b", 0.5]),
    })),
  );
  expect(drawn([{ read, cells, answers: ["b"] }])).toMatchInlineSnapshot(`
    "smollm2-135m-instruct · float32 · 1 sample · 4 read-outs · 2.5 s

    layer position #1 position #2
        3        0.00      █ 1.00
        4        0.00      █ 1.00
    share of right read-outs: · 0.00  ░ 0.20  ▒ 0.40  ▓ 0.60  █ 0.80 and more

    At best 1 of 1 (100%, 95% interval 21–100%) are right, at layer 3, position #2, and as
    many in 1 other cell.
    That is the best of 4 cells, chosen in hindsight: other samples will say less, and the
    interval does not count the choice. To know how good a cell is, name it in the spec and
    sweep other samples.
    Right: the answer begins with the likeliest token, which may be no more than its first
    letters. A read-out is what can be decoded from a state: not that it is stored there, or
    used, or true."
  `);
});

test("without answers and metrics there are counts and warnings alone", () => {
  const warnings = [{ code: "sink", message: "The first token says little." }];
  expect(
    drawn([{ cells: [said(0, 2, " Tokyo", 6)] }, { cells: [said(0, 2, " Tokyo", 6)], warnings }]),
  ).toMatchInlineSnapshot(`
    "smollm2-135m-instruct · float32 · 2 samples · 2 read-outs · 2.5 s
    ! The first token says little. (1 of 2 samples)"
  `);
});
