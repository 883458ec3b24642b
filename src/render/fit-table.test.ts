import { expect, test } from "vitest";
import { fitTable } from "./fit-table.ts";

const scores = { r2: 0.912, cosine: 0.961, precision1: 0.4567, surprisal: 2.345 };

test("The figures of maps stand beside those of no map, in 80 columns", () => {
  const rows = [
    { source: "embedding", target: 29, scores, identity: { ...scores, r2: -512, precision1: 0 } },
    { source: 12, target: 29, scores, identity: scores },
  ] as const;
  const facts = {
    model: "toy",
    kind: "affine",
    target: 29,
    states: 1000,
    heldOutStates: 200,
    data: "corpus.txt",
  };
  const table = fitTable(rows, facts);
  expect(table).toMatchInlineSnapshot(`
    "toy  affine maps to layer 29
    fitted on 1000 states, measured on 200 others
    corpus.txt

                                       fitted                            no map
        layer     p@1    nats      R2     cos       p@1    nats      R2     cos
    embedding   45.7%    2.35    0.91    0.96      0.0%    2.35    <-10    0.96
           12   45.7%    2.35    0.91    0.96     45.7%    2.35    0.91    0.96

    p@1: how often the likeliest next token behind the state is the model's own.
    nats: how unlikely the model itself finds that token, on average (surprisal).
    R2, cos: how near the states come to the model's own at the target layer."
  `);
  for (const line of table.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("Maps to another model name both layers, and no map where states have another width", () => {
  const facts = {
    model: "small",
    targetModel: "large",
    kind: "affine",
    target: 3,
    states: 1000,
    heldOutStates: 200,
    data: "corpus.txt",
  };
  const lines = fitTable([{ source: 12, target: 3, scores }], facts).split("\n");
  expect(lines.slice(0, 7)).toEqual([
    "affine maps from layers of small to layers of large",
    "fitted on 1000 states, measured on 200 others",
    "corpus.txt",
    "",
    "                                   fitted",
    "    layer     p@1    nats      R2     cos",
    "   12 > 3   45.7%    2.35    0.91    0.96",
  ]);
});
