/**
 * Learns maps from one model's states to another's: both read the same texts, and the states of tokens that end at the
 * same character are pairs. As `fit-mapping.ts` does it within one model.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { placeOf, type FittedPair } from "../mapping/fitted-mapping.ts";
import type { FittedKind } from "../map-kinds.ts";
import { Moments } from "../mapping/moments.ts";
import type { AlignedText } from "./aligned-texts.ts";
import { DEFAULT_RIDGE, productsOf, resting, solvedMap } from "./fit-mapping.ts";
import type { Fit, FitRequest, KeptSums } from "./fit-mapping.ts";
import { scoreAcross } from "./score-cross-model.ts";
import { batchesOf } from "./state-pairs.ts";
import { fillUp } from "./vectors.ts";

export interface CrossFitRequest extends Pick<
  FitRequest,
  "rank" | "signal" | "onProgress" | "rest" | "stopped" | "onSums"
> {
  readonly source: Engine;
  readonly target: Engine;
  readonly texts: readonly AlignedText[];
  readonly heldOut: readonly AlignedText[];
  /** Each gets a map; absolute. */
  readonly pairs: readonly Pick<FittedPair, "source" | "target">[];
  readonly kind: Exclude<FittedKind, "mlp">;
  readonly ridge?: number;
}

/** Two matrices each: more pairs of layers take another reading of the texts, and no more memory. */
const PAIRS_AT_ONCE = 32;

/**
 * Fits a map for each pair of layers, by least squares, and measures it on held-out texts.
 * @throws `usage` where the states do not determine a map; `engine`; `aborted`
 */
export async function fitAcrossModels(request: CrossFitRequest): Promise<Fit> {
  const { onSums } = request;
  let { stopped } = request;
  const pairs: FittedPair[] = [...(stopped?.fitted ?? [])];
  while (pairs.length < request.pairs.length) {
    const fitted = [...pairs];
    const keep = onSums && ((sums: KeptSums) => onSums({ ...sums, fitted }));
    if (fitted.length > 0 && stopped === undefined)
      await keep?.({ batches: 0, isAll: false, moments: [] });
    const next = request.pairs.slice(pairs.length, pairs.length + PAIRS_AT_ONCE);
    pairs.push(...(await fitSome({ ...request, pairs: next, stopped, onSums: keep })));
    stopped = undefined;
  }
  const statesOf = (texts: readonly AlignedText[]): number =>
    texts.reduce((sum, text) => sum + text.pairs.length, 0);
  return { pairs, states: statesOf(request.texts), heldOutStates: statesOf(request.heldOut) };
}

async function fitSome(request: CrossFitRequest): Promise<FittedPair[]> {
  const { pairs, kind, rank, ridge = DEFAULT_RIDGE, source: engine, onProgress } = request;
  const sums = await readSums(request);
  const fitted: FittedPair[] = [];
  for (const [index, pair] of pairs.entries()) {
    onProgress?.({ phase: "solve", done: index, total: pairs.length });
    await resting(request);
    const moments = sums[index];
    assert(moments, "every pair was read");
    fitted.push({ ...pair, map: solvedMap(pair.source, moments, { kind, rank, ridge, engine }) });
  }
  return scoreAcross(fitted, request);
}

/** Runs all texts through both models and adds up their paired states. */
async function readSums(request: CrossFitRequest): Promise<Moments[]> {
  const { source, target, texts, pairs, kind, stopped, onSums, onProgress, signal } = request;
  const width = { x: source.architecture.hiddenSize, y: target.architecture.hiddenSize };
  const multiply = productsOf(source);
  const sums = pairs.map(() => new Moments(kind, width, { multiply }));
  for (const [index, kept] of (stopped?.moments ?? []).entries()) sums[index]?.restore(kept);
  const sourceLayers = [...new Set(pairs.map((pair) => pair.source))];
  const targetLayers = [...new Set(pairs.map((pair) => pair.target))];
  const lengthOf = (batch: readonly AlignedText[]): number =>
    batch.reduce((sum, { length }) => sum + length, 0);
  const batches = batchesOf(texts);
  const total = lengthOf(texts);
  const from = stopped?.batches ?? 0;
  let done = lengthOf(batches.slice(0, from).flat());
  const keep = (count: number, isAll: boolean): Promise<void> | undefined =>
    onSums?.({ batches: count, isAll, moments: sums.map((each) => each.kept()) });
  for (const [index, batch] of batches.entries()) {
    if (index < from) continue;
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
    for (const [at, pair] of pairs.entries()) {
      const [own, other] = [x.get(pair.source), y.get(pair.target)];
      assert(own && other, "every layer was read");
      await sums[at]?.add({ rows, x: own, y: other });
      // Sums that are to be kept have all pairs of a batch, or none.
      await resting(onSums === undefined ? request : { rest: request.rest });
    }
    done += lengthOf(batch);
    await keep(index + 1, false);
    await resting(request);
  }
  await keep(batches.length, true);
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
): Promise<Map<FittedPair["source"], Float32Array>> {
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
      const states = new Float32Array(places.length * hiddenSize);
      for (const [at, place] of places.entries()) {
        states.set(tap.subarray(place * hiddenSize, (place + 1) * hiddenSize), at * hiddenSize);
      }
      return [layer, states];
    }),
  );
}
