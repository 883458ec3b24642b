import { expect, test } from "vitest";
import type { PlannedCell } from "./plan.ts";
import { checkComparisons, comparedLayers } from "./propagation.ts";

const shape = { layers: 4, hiddenSize: 8, vocabSize: 16 };

function cellAt(site: "resid_post" | "resid_pre" | "mlp_out", layer: number): PlannedCell {
  const to = { site, layer, position: 1 };
  const names = { source: layer, target: layer };
  const entry = site === "resid_post" ? layer + 1 : layer;
  const writes = [{ from: to, to, names }];
  return {
    writes,
    entry,
    from: 1,
    hidden: [],
    isOverwriting: false,
    readAt: 2,
    sourceReadAt: 0,
    isPair: true,
  };
}

test("Runs are compared from the block on whose output is overwritten", () => {
  expect(comparedLayers({ shape }, cellAt("resid_post", 1))).toEqual([1, 2, 3]);
  expect(comparedLayers({ shape }, cellAt("resid_post", 3))).toEqual([3]);
  expect(comparedLayers({ shape }, cellAt("resid_pre", 2))).toEqual([1, 2, 3]);
  expect(comparedLayers({ shape }, cellAt("resid_pre", 0))).toEqual([0, 1, 2, 3]);
  expect(comparedLayers({ shape }, cellAt("mlp_out", 2))).toEqual([2, 3]);
});

test("More states than a result can hold are an error", () => {
  const tokens = Array.from({ length: 1001 }, () => 1);
  const plan = {
    shape,
    target: { tokens, pieces: [], positions: [] },
    read: { kind: "propagation", topK: 1 },
  } as const;
  const cells = Array.from({ length: 501 }, () => cellAt("resid_pre", 0));
  expect(checkComparisons(plan, cells.slice(1))).toEqual([]);
  expect(checkComparisons(plan, cells)[0]?.message).toContain("compares 2004000 states");
});
