/** Which function f each write of a plan goes through, and whether a fitted mapping has all that a plan needs. */
import { assert, specInvalid } from "../errors.ts";
import { mapBetween, pairsText } from "../mapping/fitted-mapping.ts";
import type { FittedMapping, LoadedMapping } from "../mapping/fitted-mapping.ts";
import type { Mapping } from "../mapping/mapping.ts";
import type { Plan, Write } from "../plan/plan.ts";
import type { ModelRecord } from "../result/result.ts";
import { mapMissing, mappingOfOtherModel } from "./errors.ts";

/** Chooses f for a write. */
export type MapOf = (write: Write) => Mapping;

/** f by the plan; `fitted` is what a mapping from a file holds. */
export function mapOfPlan({ mapping }: Plan, fitted: FittedMapping | undefined): MapOf {
  if (mapping.kind !== "file") return () => mapping;
  assert(fitted, "a mapping from a file was loaded");
  return ({ from, to }) => {
    const map = mapBetween(fitted, from, to);
    assert(map, "every write has its map");
    return map;
  };
}

/** Throws `spec-invalid` where a mapping is for vectors of another width, or lacks a pair of layers. */
export function checkMapping(plan: Plan, fitted: LoadedMapping): void {
  const from = plan.models?.source ?? plan.shape;
  const to = plan.shape;
  const { model, target = model } = fitted;
  if (model.hiddenSize !== from.hiddenSize || target.hiddenSize !== to.hiddenSize) {
    const widths = { from: from.hiddenSize, to: to.hiddenSize };
    throw specInvalid([mappingOfOtherModel(fitted, widths, plan.models)]);
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
  { file, model, target = model }: LoadedMapping,
  [source, other = source]: readonly Pick<ModelRecord, "name" | "weights">[],
): readonly { readonly code: string; readonly message: string }[] {
  const sides = [
    { fitted: model, runs: source },
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
