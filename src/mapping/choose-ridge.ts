/** Chooses the ridge of a map: of some sizes the one whose map explains most of states that it was not solved from. */
import type { FittedMap } from "./mapping.ts";
import type { Covariances } from "./moments.ts";
import type { Multiply } from "./multiply.ts";

/** In parts of the variance of each of the source's numbers. */
const RIDGES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1] as const;

/**
 * The ridge whose map leaves least of `check`, each number in parts of its own variance; `undefined` where none has a map.
 * @param solve the map of a ridge, from other states
 */
export async function chooseRidge(
  solve: (ridge: number) => FittedMap | undefined,
  check: Covariances,
  multiply: Multiply,
): Promise<number | undefined> {
  let best: { readonly ridge: number; readonly error: number } | undefined;
  for (const ridge of RIDGES) {
    const map = solve(ridge);
    if (map === undefined) continue;
    const error = await leftOf(map, check, multiply);
    if (best === undefined || error < best.error) best = { ridge, error };
  }
  return best?.ridge;
}

/** The part of each number's variance that a linear map leaves, added up over the numbers; from covariances alone. */
async function leftOf(map: FittedMap, of: Covariances, multiply: Multiply): Promise<number> {
  const [n, m] = [of.meanX.length, of.meanY.length];
  const weight = await weightOf(map, n, multiply);
  const spread = { rows: n, columns: n, data: Float32Array.from(of.xx ?? []) };
  const spreads = await multiply({ rows: m, columns: n, data: weight }, spread, "neither");
  let sum = 0;
  for (let j = 0; j < m; j++) {
    let left = of.varianceY[j] ?? 0;
    let mean = (of.meanY[j] ?? 0) - (map.bias[j] ?? 0);
    for (let k = 0; k < n; k++) {
      const w = weight[j * n + k] ?? 0;
      left += w * ((spreads[j * n + k] ?? 0) - 2 * (of.xy?.[k * m + j] ?? 0));
      mean -= w * (of.meanX[k] ?? 0);
    }
    const variance = of.varianceY[j] ?? 0;
    if (variance > 0) sum += (left + mean * mean) / variance;
  }
  return sum;
}

/** The matrix of a map that a ridge matters to, `[out, in]`. */
async function weightOf(map: FittedMap, width: number, multiply: Multiply): Promise<Float32Array> {
  if (map.kind === "affine") return map.weight;
  if (map.kind !== "low-rank") return new Float32Array(map.bias.length * width);
  const rank = map.down.length / width;
  const up = { rows: map.bias.length, columns: rank, data: map.up };
  const weight = await multiply(up, { rows: rank, columns: width, data: map.down }, "neither");
  if (map.scale !== 0)
    for (let i = 0; i < width; i++)
      weight[i * width + i] = (weight[i * width + i] ?? 0) + map.scale;
  return weight;
}
