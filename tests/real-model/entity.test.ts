/** What a user sees who decodes "Barack Obama" with the preset for entities. */
import { beforeAll, expect, test } from "vitest";
import { EVIDENCE_THRESHOLD } from "../../src/measure/evidence.ts";
import type { CellRecord, PatchscopeResult } from "../../src/result/result.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { presetSpec } from "../../src/spec/presets/presets.ts";
import { describeRealModel, REAL_MODEL, useLoadedModel } from "../support/real-model.ts";

await describeRealModel("Barack Obama by the preset entity", () => {
  const loaded = useLoadedModel();
  let result: PatchscopeResult;
  beforeAll(async () => {
    const spec = presetSpec("entity", { prompt: "Barack Obama", model: REAL_MODEL });
    result = await runSpec(spec, loaded());
  });
  const cells = (from: number, to: number): readonly CellRecord[] =>
    result.cells.slice(from, to + 1);

  test("every layer is decoded from the last token into the placeholder", () => {
    expect(result.cells).toHaveLength(30);
    for (const [layer, cell] of result.cells.entries()) {
      expect(cell).toMatchObject({
        source: { layer, position: 2 },
        target: { layer, position: 29 },
      });
    }
  });

  test("layers 0 to 10 say that he is a president, and have it from the vector", () => {
    for (const { text, evidence } of cells(0, 10)) {
      expect(text).toContain("President");
      expect(evidence).toBeGreaterThan(EVIDENCE_THRESHOLD);
    }
  });

  test("layers 20 to 29 say what does not depend on the vector", () => {
    for (const { text, evidence } of cells(20, 29)) {
      expect(text).not.toContain("President");
      expect(evidence).toBeLessThan(EVIDENCE_THRESHOLD);
    }
  });

  test("the target prompt alone says nothing of presidents", () => {
    expect(result.controls.unpatched?.text).not.toContain("President");
  });

  test("the result can be written as JSON and read again", () => {
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(result).toMatchObject({
      version: 1,
      models: [{ name: REAL_MODEL, architecture: "llama", layers: 30, hiddenSize: 576 }],
      engine: { name: "onnx", device: "cpu" },
      warnings: [],
    });
  });
});
