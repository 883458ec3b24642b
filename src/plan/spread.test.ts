import { expect, test } from "vitest";
import { wordModel } from "../../tests/support/word-model.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildPlan } from "./build-plan.ts";
import { groupCells } from "./group-cells.ts";
import type { Plan } from "./plan.ts";
import { spreadLevels } from "./spread.ts";

function planOf(source: object, target: object, read: object = { kind: "generate" }): Plan {
  const model = wordModel();
  const deep = { ...model, architecture: { ...model.architecture, layers: 9 } };
  const spec = parseSpec({
    version: 1,
    source: { model: "toy", prompt: "a b c d e f", ...source },
    target: { prompt: "a b c x", ...target },
    read,
  });
  return buildPlan(spec, { model: deep, unrelatedSentences: [] });
}

test("The ends of an axis come first, then what lies half-way between", () => {
  expect(spreadLevels(planOf({ layer: "all" }, {}))).toEqual([0, 4, 3, 4, 2, 4, 3, 4, 0]);
});

test("A cell of a grid is as fine as the finer of its places", () => {
  const levels = spreadLevels(planOf({ layer: [0, 4, 8] }, { layer: [0, 4, 8] }));
  expect(levels).toEqual([0, 2, 0, 2, 2, 2, 0, 2, 0]);
});

test("Who waits gets a few cells that are far apart, then all others, each once", () => {
  const plan = planOf({ layer: "all" }, { layer: "all" });
  const groups = groupCells(plan, { isWatched: true });
  expect(groups.map(({ cells }) => cells.length)).toEqual([16, 65]);
  const [first] = groups;
  const places = first?.cells.slice(0, 25).map((cell) => [Math.floor(cell / 9), cell % 9]) ?? [];
  // Both ends and the middle of both axes are among them.
  expect(places).toEqual(
    expect.arrayContaining([
      [0, 0],
      [8, 8],
      [0, 8],
      [8, 0],
      [4, 4],
    ]),
  );
  const all = groups.flatMap(({ cells }) => cells).toSorted((a, b) => a - b);
  expect(all).toEqual([...plan.cells.keys()]);
  for (const { cells } of groups) {
    const entries = cells.map((cell) => plan.cells[cell]?.entry ?? -1);
    expect(entries).toEqual(entries.toSorted((a, b) => a - b));
  }
});

test("Cells that are there already are in no batch", () => {
  const plan = planOf({ layer: "all" }, {});
  const without = new Set([0, 3, 8]);
  const cells = groupCells(plan, { isWatched: true, without }).flatMap((group) => group.cells);
  expect(cells.toSorted((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 7]);
});
