/**
 * `compat: pair`: hidden states as the code that was released with the paper takes them from transformers (PAIR-code/interpretability),
 * where the last one is behind the final norm. Written back at the last layer it takes the norm's output there, which is
 * the same as the state before the norm in the place of the norm's input.
 */
import type { NormSettings, Weights } from "../engine/architecture.ts";
import { normalize } from "../engine/reference/norm.ts";
import { loadFinalNorm } from "../engine/reference/parameters.ts";
import { assert, specInvalid } from "../errors.ts";
import type { Plan, State, Write } from "../plan/plan.ts";
import { noFinalNorm } from "../plan/errors/runs.ts";
import type { MapOf } from "./map-of.ts";
import type { RunSources } from "./sources.ts";

/** The final norm of a model: `[hidden]` → `[hidden]`. */
export type FinalNorm = (state: Float32Array) => Float32Array;

/** A model's final norm from its weights. Throws `spec-invalid` where they are not there. */
export async function finalNormOf(model: {
  readonly architecture: { readonly norm?: NormSettings };
  readonly weights?: Pick<Weights, "finalNorm" | "finalNormBias">;
}): Promise<FinalNorm> {
  const { weights, architecture } = model;
  if (weights === undefined || architecture.norm === undefined) throw specInvalid([noFinalNorm()]);
  const norm = await loadFinalNorm({ norm: architecture.norm, ...weights });
  return (state) => normalize(norm, state);
}

/** f of a plan behind the final norm where the paper's code has it there; `make` gets the same done to named vectors. */
export function likePair(
  plan: Plan,
  finalNorm: FinalNorm | undefined,
  make: (normed: (named: RunSources["named"]) => RunSources["named"]) => MapOf,
): MapOf {
  if (plan.compat === undefined) return make((named) => named);
  assert(finalNorm, "the final norm was read");
  const last = plan.shape.layers - 1;
  const isLast = ({ site, layer }: Pick<State, "site" | "layer">): boolean =>
    site === "resid_post" && layer === last;
  const mapOf = make((named) => {
    const placeOf = new Map(plan.sources.map(({ name, place }) => [name, place]));
    return new Map(
      [...named].map(([name, vectorOf]) => [
        name,
        (write: Write) => {
          const place = placeOf.get(name) ?? "same";
          const isNormed = isLast(place === "same" ? write.from : place);
          return isNormed ? finalNorm(vectorOf(write)) : vectorOf(write);
        },
      ]),
    );
  });
  return (write, vector) =>
    mapOf(write, isLast(write.from) && !isLast(write.to) ? finalNorm(vector) : vector);
}
