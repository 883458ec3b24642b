import { expect, test } from "vitest";
import { messageOf } from "../../tests/support/issues.ts";
import { wordModel } from "../../tests/support/word-model.ts";
import type { LoadedMapping, MappedModel } from "../mapping/fitted-mapping.ts";
import { buildPlan } from "../plan/build-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { parseSpec } from "../spec/schema.ts";
import { checkMapping, mappingWarnings } from "./map-of.ts";

function record(name: string, hiddenSize: number): MappedModel {
  return { name, weights: `sha256:${name}`, layers: 4, hiddenSize };
}

/** From states of 8 numbers, layer 1, to layer 2. */
function mapping(target?: MappedModel): LoadedMapping {
  const out = target?.hiddenSize ?? 8;
  const map = {
    kind: "affine",
    weight: new Float32Array(8 * out),
    bias: new Float32Array(out),
  } as const;
  return {
    kind: "affine",
    model: record("small", 8),
    ...(target && { target }),
    site: "resid_post",
    pairs: [{ source: 1, target: 2, map }],
    file: "map.safetensors",
    hash: "sha256:00",
  };
}

/** Layer 1 of the word model into layer 2 of another one of this width, or into its own. */
function planOf(width?: number, kind = "file"): Plan {
  const model = wordModel();
  const spec = parseSpec({
    version: 1,
    source: { model: "small", prompt: "Ann", layer: 1 },
    target: { model: width === undefined ? "same" : "large", prompt: "x", layer: 2 },
    mapping: { kind, file: "map.safetensors" },
  });
  const hiddenSize = width ?? 0;
  const targetModel = {
    ...model,
    name: "large",
    architecture: { ...model.architecture, hiddenSize },
  };
  return buildPlan(spec, { model, targetModel, unrelatedSentences: [] });
}

test("A mapping fits the widths of both models", () => {
  expect(messageOf(() => checkMapping(planOf(), mapping()))).toBe("");
  expect(messageOf(() => checkMapping(planOf(12), mapping(record("large", 12))))).toBe("");
});

test("A mapping of another kind than the spec names is refused", () => {
  expect(messageOf(() => checkMapping(planOf(undefined, "affine"), mapping()))).toBe("");
  expect(messageOf(() => checkMapping(planOf(undefined, "mlp"), mapping()))).toContain(
    "mapping.kind: expected maps of the kind mlp, and those of map.safetensors are affine",
  );
});

test("A mapping of other widths is refused, with the models that run", () => {
  expect(messageOf(() => checkMapping(planOf(12), mapping()))).toContain(
    "maps states of 8 numbers (small); here they go from 8 (toy) to 12 (large)",
  );
  expect(messageOf(() => checkMapping(planOf(), mapping(record("large", 12))))).toContain(
    "maps states of 8 numbers (small) to 12 (large); this model's have 8",
  );
});

test("Other weights on either side are said, each once", () => {
  const [small, large] = [record("small", 8), record("large", 12)];
  const of = (source: MappedModel, target?: MappedModel): readonly string[] =>
    mappingWarnings(mapping(large), target ? [source, target] : [source]).map(
      ({ message }) => message,
    );
  expect(of(small, large)).toEqual([]);
  expect(of(small, record("tuned", 12))).toEqual([
    "map.safetensors was fitted on other weights (large) than those that run here (tuned): its maps may not fit.",
  ]);
  expect(of(record("a", 8), record("b", 12))).toHaveLength(2);
  expect(mappingWarnings(mapping(), [small])).toEqual([]);
});
