/**
 * Learns maps from one model's states to another's: both read the same texts, and the states of tokens that end at the
 * same character are pairs. As `fit-mapping.ts` does it within one model. In the place of one model vectors can stand that
 * are known to go with some tokens, as those of an image with its caption's.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { FittedPair } from "../mapping/fitted-mapping.ts";
import type { FittedKind } from "../map-kinds.ts";
import type { AlignedText } from "./aligned-texts.ts";
import { resting } from "./fit-mapping.ts";
import type { Fit, FitRequest, KeptSums } from "./fit-mapping.ts";
import { pairedStates, productsOf, widthOf, type StateSource } from "./paired-states.ts";
import { scoreAcross } from "./score-cross-model.ts";
import { allSums, emptySums, solvedWithRidge, sumsOfBatch, type PairSums } from "./solve-sums.ts";
import { batchesOf } from "./state-pairs.ts";

export interface CrossFitRequest extends Pick<
  FitRequest,
  "rank" | "signal" | "onProgress" | "rest" | "stopped" | "onSums"
> {
  /** The other model; or vectors, each of which goes with the state of a token that it is paired with. */
  readonly source: StateSource;
  readonly target: Engine;
  readonly texts: readonly AlignedText[];
  readonly heldOut: readonly AlignedText[];
  /** Each gets a map; absolute. */
  readonly pairs: readonly Pick<FittedPair, "source" | "target">[];
  readonly kind: Exclude<FittedKind, "mlp">;
  /** As of {@link FitRequest}. */
  readonly ridge?: number | "auto";
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
  const { pairs, kind, rank, ridge, target, onProgress } = request;
  const multiply = productsOf(target);
  const sums = await readSums(request);
  const fitted: FittedPair[] = [];
  for (const [index, pair] of pairs.entries()) {
    onProgress?.({ phase: "solve", done: index, total: pairs.length });
    await resting(request);
    const own = sums[index];
    assert(own, "every pair was read");
    const solved = await solvedWithRidge(pair.source, own, { kind, rank, ridge, multiply });
    fitted.push({ ...pair, map: solved.map, ...(ridge === "auto" && { ridge: solved.ridge }) });
  }
  return scoreAcross(fitted, request);
}

/** Runs all texts through both models and adds up their paired states. */
async function readSums(request: CrossFitRequest): Promise<PairSums[]> {
  const { source, target, texts, pairs, kind, ridge } = request;
  const { stopped, onSums, onProgress, signal } = request;
  const width = { x: widthOf(source), y: widthOf(target) };
  const multiply = productsOf(target);
  const sums = pairs.map(() => emptySums(width, { kind, ridge, multiply }));
  const all = allSums(sums);
  for (const [index, kept] of (stopped?.moments ?? []).entries()) all[index]?.restore(kept);
  const sourceLayers = [...new Set(pairs.map((pair) => pair.source))];
  const targetLayers = [...new Set(pairs.map((pair) => pair.target))];
  const lengthOf = (batch: readonly AlignedText[]): number =>
    batch.reduce((sum, { length }) => sum + length, 0);
  const batches = batchesOf(texts);
  const total = lengthOf(texts);
  const from = stopped?.batches ?? 0;
  let done = lengthOf(batches.slice(0, from).flat());
  const keep = (count: number, isAll: boolean): Promise<void> | undefined =>
    onSums?.({ batches: count, isAll, moments: all.map((each) => each.kept()) });
  for (const [index, batch] of batches.entries()) {
    if (index < from) continue;
    onProgress?.({ phase: "read", done, total });
    const x = await pairedStates(batch, {
      side: "source",
      of: source,
      layers: sourceLayers,
      signal,
    });
    const y = await pairedStates(batch, {
      side: "target",
      of: target,
      layers: targetLayers,
      signal,
    });
    const rows = batch.reduce((sum, text) => sum + text.pairs.length, 0);
    for (const [at, pair] of pairs.entries()) {
      const [own, other] = [x.get(pair.source), y.get(pair.target)];
      assert(own && other, "every layer was read");
      const sum = sums[at];
      assert(sum, "every pair has its sums");
      await sumsOfBatch(sum, index).add({ rows, x: own, y: other });
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
