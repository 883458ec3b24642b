import fc from "fast-check";
import { expect, test } from "vitest";
import { wordModel } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import { groupCells } from "./group-cells.ts";
import type { Plan } from "./plan.ts";

function planOf(source: object, target: object, rest: object = {}): Plan {
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "a b c d e f", ...source },
    target: { prompt: "same", ...target },
    ...rest,
  });
  return buildPlan(spec, { model: wordModel(), unrelatedSentences: [] });
}

test("Cells that begin at one position run together, in the order in which they join", () => {
  const plan = planOf({ layer: [3, 0] }, { layer: [2, 1] });
  // The cells: 3 → 2, 3 → 1, 0 → 2, 0 → 1.
  expect(groupCells(plan)).toEqual([{ from: 5, length: 1, cells: [1, 3, 0, 2] }]);
});

test("Cells that begin at different positions do not", () => {
  const plan = planOf({ position: [4, 1], layer: [1, 0] }, { position: "same" });
  expect(groupCells(plan)).toEqual([
    { from: 4, length: 2, cells: [1, 0] },
    { from: 1, length: 5, cells: [3, 2] },
  ]);
});

test("A pass holds at most so many tokens, as many as the others, and always a row", () => {
  const plan = planOf({ layer: [0, 1, 2, 3] }, { position: 3 });
  expect(groupCells(plan, { maxTokens: 9 }).map(({ cells }) => cells)).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(groupCells(plan, { maxTokens: 1 }).map(({ cells }) => cells)).toEqual([
    [0],
    [1],
    [2],
    [3],
  ]);
});

test("Whatever the axes, every cell is in one group that suits it", () => {
  const axis = (max: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: 0, max }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(
      axis(5),
      axis(3),
      axis(3),
      fc.integer({ min: 1, max: 20 }),
      (position, layer, targetLayer, maxTokens) => {
        const plan = planOf({ position, layer }, { position: "same", layer: targetLayer });
        const groups = groupCells(plan, { maxTokens });
        expect(groups.flatMap(({ cells }) => cells).sort((a, b) => a - b)).toEqual([
          ...plan.cells.keys(),
        ]);
        for (const { from, length, cells } of groups) {
          expect(cells.length === 1 || cells.length * length <= maxTokens).toBe(true);
          expect(from + length).toBe(plan.target.tokens.length);
          const entries = cells.map((cell) => plan.cells[cell]?.entry ?? -1);
          expect(entries).toEqual(entries.toSorted((a, b) => a - b));
          expect(cells.every((cell) => plan.cells[cell]?.from === from)).toBe(true);
        }
      },
    ),
  );
});

test("Rows that generate keep so many tokens at most, and are never few", () => {
  const layers = Array.from({ length: 20 }, () => [0, 1, 2, 3]).flat();
  const sizes = (maxTokens: number): number[] => {
    const read = { kind: "generate", maxTokens };
    const plan = planOf({ layer: layers }, { layer: layers.slice(0, 8) }, { read });
    return groupCells(plan).map(({ cells }) => cells.length);
  };
  expect(sizes(20)).toEqual([214, 213, 213]);
  expect(sizes(47)).toEqual([107, 107, 107, 107, 106, 106]);
  expect(sizes(500)).toEqual(Array.from({ length: 10 }, () => 64));
});
