/** From what states have left behind to a map: with the ridge that was asked for, or the best one on states that are kept apart. */
import { chooseRidge } from "../mapping/choose-ridge.ts";
import { mapNotDetermined, statesNotFinite } from "../mapping/errors.ts";
import type { MappedLayer } from "../mapping/fitted-mapping.ts";
import type { FittedKind } from "../map-kinds.ts";
import type { FittedMap } from "../mapping/mapping.ts";
import { Moments } from "../mapping/moments.ts";
import { multiplyPlainly, type Multiply } from "../mapping/multiply.ts";
import { solveMap } from "../mapping/solve-map.ts";

/** Small enough to change no map that is well determined. */
export const DEFAULT_RIDGE = 1e-4;

/** One batch in so many says which ridge is best. */
const CHECK_EVERY = 5;

/** The sums of one pair of layers. */
export interface PairSums {
  readonly own: Moments;
  /** Of batches that only say which ridge is best; none where it is given. */
  readonly check: Moments | undefined;
}

interface SolveRequest {
  readonly kind: FittedKind;
  readonly rank?: number | undefined;
  readonly ridge?: number | "auto" | undefined;
  readonly multiply: Multiply | undefined;
}

/** Sums of nothing yet. */
export function emptySums(
  width: { readonly x: number; readonly y: number },
  { kind, ridge, multiply }: SolveRequest,
): PairSums {
  const own = new Moments(kind, width, { multiply });
  const check = ridge === "auto" ? new Moments(kind, width, { multiply, like: own }) : undefined;
  return { own, check };
}

/** The sums that the states of a batch go to. */
export function sumsOfBatch({ own, check }: PairSums, batch: number): Moments {
  return batch % CHECK_EVERY === 1 ? (check ?? own) : own;
}

/** All sums of some pairs, in a fixed order. */
export function allSums(pairs: Iterable<PairSums>): Moments[] {
  return [...pairs].flatMap(({ own, check }) => (check ? [own, check] : [own]));
}

/** The map of a pair of layers, and the ridge that it has. Throws `usage` where its states do not determine one. */
export async function solvedWithRidge(
  layer: MappedLayer,
  { own, check }: PairSums,
  request: SolveRequest,
): Promise<{ readonly map: FittedMap; readonly ridge: number }> {
  const ridge =
    request.ridge === "auto"
      ? await bestRidge({ own, check }, request)
      : (request.ridge ?? DEFAULT_RIDGE);
  if (check !== undefined) own.join(check);
  const covariances = own.covariances();
  const { varianceX, states } = covariances;
  if (!varianceX.every(Number.isFinite)) throw statesNotFinite(String(layer));
  const map = solveMap(request.kind, covariances, { rank: request.rank, ridge });
  if (map !== undefined) return { map, ridge };
  throw mapNotDetermined({ layer: String(layer), states, width: varianceX.length });
}

/** The usual one where there are too few states to tell, or the kind has none. */
async function bestRidge(
  { own, check }: PairSums,
  { kind, rank, multiply = multiplyPlainly }: SolveRequest,
): Promise<number> {
  const [of, others] = [own.covariances(), check?.covariances()];
  if (of.xx === undefined || others === undefined || others.states === 0) return DEFAULT_RIDGE;
  const solve = (ridge: number): FittedMap | undefined => solveMap(kind, of, { ridge, rank });
  return (await chooseRidge(solve, others, multiply)) ?? DEFAULT_RIDGE;
}
