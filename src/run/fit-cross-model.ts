/**
 * Learns maps from one model's states to another's: both read the same texts, and the states of tokens that end at the
 * same character are pairs. As `fit-mapping.ts` does it within one model.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { placeOf, type FittedPair } from "../mapping/fitted-mapping.ts";
import type { FittedKind } from "../mapping/mapping.ts";
import { Moments } from "../mapping/moments.ts";
import type { AlignedText } from "./aligned-texts.ts";
import { batchesOf, DEFAULT_RIDGE, resting, solvedMap } from "./fit-mapping.ts";
import type { Fit, FitRequest } from "./fit-mapping.ts";
import { scoreAcross } from "./score-cross-model.ts";
import { fillUp } from "./vectors.ts";

export interface CrossFitRequest extends Pick<
  FitRequest,
  "ridge" | "signal" | "onProgress" | "rest"
> {
  readonly source: Engine;
  readonly target: Engine;
  readonly texts: readonly AlignedText[];
  readonly heldOut: readonly AlignedText[];
  /** Each gets a map; absolute. */
  readonly pairs: readonly Pick<FittedPair, "source" | "target">[];
  readonly kind: FittedKind;
}

/** Two matrices each: more pairs of layers take another reading of the texts, and no more memory. */
const PAIRS_AT_ONCE = 32;

/**
 * Fits a map for each pair of layers, by least squares, and measures it on held-out texts.
 * @throws `usage` where the states do not determine a map; `engine`; `aborted`
 */
export async function fitAcrossModels(request: CrossFitRequest): Promise<Fit> {
  const pairs: FittedPair[] = [];
  for (let from = 0; from < request.pairs.length; from += PAIRS_AT_ONCE) {
    const some = { ...request, pairs: request.pairs.slice(from, from + PAIRS_AT_ONCE) };
    pairs.push(...(await fitSome(some)));
  }
  const statesOf = (texts: readonly AlignedText[]): number =>
    texts.reduce((sum, text) => sum + text.pairs.length, 0);
  return { pairs, states: statesOf(request.texts), heldOutStates: statesOf(request.heldOut) };
}

async function fitSome(request: CrossFitRequest): Promise<FittedPair[]> {
  const { pairs, kind, ridge = DEFAULT_RIDGE, source: engine, onProgress } = request;
  const sums = await readSums(request);
  const fitted: FittedPair[] = [];
  for (const [index, pair] of pairs.entries()) {
    onProgress?.({ phase: "solve", done: index, total: pairs.length });
    await resting(request);
    const moments = sums[index];
    assert(moments, "every pair was read");
    fitted.push({ ...pair, map: solvedMap(pair.source, moments, { kind, ridge, engine }) });
  }
  return scoreAcross(fitted, request);
}

/** Runs all texts through both models and adds up their paired states. */
async function readSums(request: CrossFitRequest): Promise<Moments[]> {
  const { source, target, texts, pairs, kind, onProgress, signal } = request;
  const width = { x: source.architecture.hiddenSize, y: target.architecture.hiddenSize };
  const sums = pairs.map(() => new Moments(kind, width));
  const sourceLayers = [...new Set(pairs.map((pair) => pair.source))];
  const targetLayers = [...new Set(pairs.map((pair) => pair.target))];
  const total = texts.reduce((sum, { length }) => sum + length, 0);
  let done = 0;
  for (const batch of batchesOf(texts)) {
    onProgress?.({ phase: "read", done, total });
    const x = await statesOf(batch, {
      side: "source",
      engine: source,
      layers: sourceLayers,
      signal,
    });
    const y = await statesOf(batch, {
      side: "target",
      engine: target,
      layers: targetLayers,
      signal,
    });
    const rows = batch.reduce((sum, text) => sum + text.pairs.length, 0);
    for (const [index, pair] of pairs.entries()) {
      const [from, to] = [x.get(pair.source), y.get(pair.target)];
      assert(from && to, "every layer was read");
      sums[index]?.add({ rows, x: from, y: to });
      await resting(request);
    }
    done += batch.reduce((sum, { length }) => sum + length, 0);
  }
  return sums;
}

/** The paired states of one side, `[pairs, hidden]`, by layer. */
async function statesOf(
  batch: readonly AlignedText[],
  on: {
    readonly side: "source" | "target";
    readonly engine: Engine;
    readonly layers: readonly FittedPair["source"][];
    readonly signal: AbortSignal | undefined;
  },
): Promise<Map<FittedPair["source"], Float64Array>> {
  const { side, engine, layers, signal } = on;
  const { hiddenSize } = engine.architecture;
  const length = Math.max(...batch.map((text) => text[side].length));
  const rows = batch.map((text) => ({ tokens: fillUp(text[side], length) }));
  const taps = layers.map((layer) => placeOf(layer, "resid_post"));
  const output = await engine.run({ kind: "prefill", length, rows, taps }, signal);
  const places = batch.flatMap((text, row) =>
    text.pairs.map(([own, other]) => row * length + (side === "source" ? own : other)),
  );
  return new Map(
    layers.map((layer, index) => {
      const tap = output.taps[index] ?? new Float32Array(0);
      const states = new Float64Array(places.length * hiddenSize);
      for (const [at, place] of places.entries()) {
        states.set(tap.subarray(place * hiddenSize, (place + 1) * hiddenSize), at * hiddenSize);
      }
      return [layer, states];
    }),
  );
}
