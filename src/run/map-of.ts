/** Which function f each write of a plan goes through, and whether a fitted mapping has all that a plan needs. */
import { assert, specInvalid, unreachable } from "../errors.ts";
import { mapBetween, pairsText, UNKNOWN_WEIGHTS } from "../mapping/fitted-mapping.ts";
import type { FittedMapping, LoadedMapping } from "../mapping/fitted-mapping.ts";
import { mapped } from "../mapping/mapping.ts";
import { differenceOf, interpolated, meanOf, projected } from "../mapping/vector-algebra.ts";
import type { Plan, Write } from "../plan/plan.ts";
import type { ModelRecord } from "../result/result.ts";
import type { MappingStep } from "../spec/spec.ts";
import { mapMissing, mappingOfOtherKind, mappingOfOtherModel } from "./errors.ts";
import type { RunSources } from "./sources.ts";

/** f of a write: what its vector, or a control's in its place, becomes. */
export type MapOf = (write: Write, vector: Float32Array) => Float32Array;

/** f by the plan; `fitted` is what a mapping from a file holds, `named` the vectors that its steps name. */
export function mapOfPlan(
  { mapping }: Pick<Plan, "mapping">,
  fitted: FittedMapping | undefined,
  named: RunSources["named"],
): MapOf {
  return (write, vector) =>
    mapping.reduce((state, step) => stepped(step, state, { write, fitted, named }), vector);
}

function stepped(
  step: MappingStep,
  vector: Float32Array,
  by: {
    readonly write: Write;
    readonly fitted: FittedMapping | undefined;
    readonly named: RunSources["named"];
  },
): Float32Array {
  const { write } = by;
  const vectorsOf = (names: readonly string[]): Float32Array[] =>
    names.map((name) => {
      const vectorOf = by.named.get(name);
      assert(vectorOf, "every name in a mapping has its source");
      return vectorOf(write);
    });
  switch (step.kind) {
    case "identity":
    case "normalise":
      return mapped(step, vector);
    case "scale": {
      const { factor } = step;
      const own = typeof factor === "number" ? factor : write.factor;
      assert(own !== undefined, "every cell has its factor");
      return mapped({ kind: "scale", factor: own }, vector);
    }
    case "scalar-affine": {
      const bias = new Float32Array(vector.length).fill(step.bias);
      return mapped({ kind: step.kind, factor: Float32Array.of(step.factor), bias }, vector);
    }
    case "file": {
      assert(by.fitted, "a mapping from a file was loaded");
      const map = mapBetween(by.fitted, write.from, write.to);
      assert(map, "every write has its map");
      return mapped(map, vector);
    }
    case "mean":
      return meanOf([vector, ...vectorsOf(step.with)]);
    case "difference":
      return differenceOf(vector, vectorsOf(step.with));
    case "projection":
      return projected(vector, vectorsOf(step.onto), step.remove);
    case "interpolation": {
      const [other] = vectorsOf([step.with]);
      return other === undefined ? vector : interpolated(vector, other, step.amount);
    }
    default:
      return unreachable(step);
  }
}

/** Throws `spec-invalid` where a mapping is of another kind, for vectors of another width, or lacks a pair of layers. */
export function checkMapping(plan: Plan, fitted: LoadedMapping): void {
  const kind = plan.mapping.find((step) => step.kind === "file")?.maps;
  if (kind !== undefined && kind !== fitted.kind) {
    throw specInvalid([mappingOfOtherKind(fitted, kind)]);
  }
  const from = plan.source.file?.width ?? (plan.models?.source ?? plan.shape).hiddenSize;
  const to = plan.shape.hiddenSize;
  const { model, target = model } = fitted;
  if (model.hiddenSize !== from || target.hiddenSize !== to) {
    throw specInvalid([mappingOfOtherModel(fitted, { from, to }, plan)]);
  }
  const without = plan.cells
    .flatMap(({ writes }) => writes)
    .find(({ from, to }) => mapBetween(fitted, from, to) === undefined);
  if (without === undefined) return;
  const { names } = without;
  throw specInvalid([
    mapMissing({
      file: fitted.file,
      source: `${names.source} (${without.from.site})`,
      target: `${names.target} (${without.to.site})`,
      pairs: `${pairsText(fitted)} (${fitted.site})`,
    }),
  ]);
}

/**
 * Vectors of the same width may still be those of another model.
 * @param records of the models that run: the source's, and the target's where that is another one
 */
export function mappingWarnings(
  { file, model, target = model, anySource = false, foreign }: LoadedMapping,
  [source, other = source]: readonly Pick<ModelRecord, "name" | "weights">[],
): readonly { readonly code: string; readonly message: string }[] {
  if (model.weights === UNKNOWN_WEIGHTS) {
    const message = `${file} (${foreign?.program ?? "a mapping"}) does not say on which weights it was fitted (model: ${model.name}): its maps may not fit ${source?.name ?? "this model"}.`;
    return [{ code: "mapping-other-weights", message }];
  }
  // Vectors of no model that runs have no weights to compare.
  const sides = [
    ...(anySource ? [] : [{ fitted: model, runs: source }]),
    { fitted: target, runs: other },
  ];
  const unlike = sides.flatMap(({ fitted, runs }) =>
    runs === undefined || fitted.weights === runs.weights
      ? []
      : [
          `${file} was fitted on other weights (${fitted.name}) than those that run here (${runs.name}): its maps may not fit.`,
        ],
  );
  return [...new Set(unlike)].map((message) => ({ code: "mapping-other-weights", message }));
}
