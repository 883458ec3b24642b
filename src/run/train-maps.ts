/** Trains MLPs layer by layer: states are read again for as many layers at once as memory allows. */
import { assert } from "../errors.ts";
import type { MappedLayer } from "../mapping/fitted-mapping.ts";
import type { FittedMap } from "../mapping/mapping.ts";
import type { Covariances } from "../mapping/moments.ts";
import type { Multiply } from "../mapping/multiply.ts";
import { DEFAULT_HIDDEN, trainMlp } from "../mapping/train-mlp.ts";
import type { FitRequest } from "./fit-mapping.ts";
import { chanceOf } from "./next-token.ts";
import { pairsIn, readStatePairs } from "./state-pairs.ts";

/** Of states that are kept at once, beside those of the target layer. */
const MAX_KEPT_BYTES = 512 * 2 ** 20;

/** A map to start from, and what inputs are measured in. */
export interface Start {
  readonly layer: MappedLayer;
  readonly map: FittedMap;
  readonly of: Pick<Covariances, "meanX" | "varianceX">;
}

/** An MLP for each affine map. */
export async function trainMaps(
  starts: readonly Start[],
  request: FitRequest,
  { multiply, rest }: { readonly multiply: Multiply; readonly rest: () => Promise<void> },
): Promise<readonly FittedMap[]> {
  const { texts, ahead, hidden = DEFAULT_HIDDEN, seed = 0, onProgress } = request;
  const rows = pairsIn(texts, ahead);
  const bytes = rows * request.engine.architecture.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  const atOnce = Math.max(1, Math.floor(MAX_KEPT_BYTES / bytes));
  const maps: FittedMap[] = [];
  for (let from = 0; from < starts.length; from += atOnce) {
    const group = starts.slice(from, from + atOnce);
    const { x, y } = await keptStates(group, request, rest);
    for (const [index, { map, of }] of group.entries()) {
      const [states, trained] = [x[index], maps.length];
      assert(states && map.kind === "affine", "an MLP starts from an affine map");
      maps.push(
        await trainMlp({
          affine: map,
          of,
          x: states,
          y,
          hidden,
          multiply,
          chance: (a, b) => chanceOf(seed, a, b),
          onStep: async (done, total) => {
            onProgress?.({
              phase: "train",
              done: trained * total + done,
              total: starts.length * total,
            });
            await rest();
          },
        }),
      );
    }
  }
  return maps;
}

async function keptStates(
  group: readonly Start[],
  request: FitRequest,
  rest: () => Promise<void>,
): Promise<{ readonly x: readonly Float32Array[]; readonly y: Float32Array }> {
  const width = request.engine.architecture.hiddenSize;
  const numbers = pairsIn(request.texts, request.ahead) * width;
  const x = group.map(() => new Float32Array(numbers));
  const y = new Float32Array(numbers);
  let at = 0;
  for await (const batch of readStatePairs(
    request,
    group.map(({ layer }) => layer),
  )) {
    for (const [index, states] of x.entries()) states.set(batch.x(index), at);
    y.set(batch.y, at);
    at += batch.rows * width;
    await rest();
  }
  return { x, y };
}
