/**
 * Learns maps from the states of one layer to those of a later one, on the same texts: states are read in batches and
 * leave only sums behind; then every map is measured on texts that it has not seen, beside no map at all.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { fitStopped } from "../mapping/errors.ts";
import type { FittedPair, MappedLayer } from "../mapping/fitted-mapping.ts";
import type { FittedKind } from "../map-kinds.ts";
import type { KeptMoments, StatePairs } from "../mapping/moments.ts";
import { multiplyPlainly } from "../mapping/multiply.ts";
import { trainingStates } from "../mapping/train-mlp.ts";
import type { Site } from "../site.ts";
import type { FitTexts } from "./fit-texts.ts";
import { productsOf } from "./paired-states.ts";
import { scoreMaps } from "./score-maps.ts";
import { allSums, emptySums, solvedWithRidge, sumsOfBatch, type PairSums } from "./solve-sums.ts";
import { batchesOf, pairsIn, readStatePairs, type StateBatch } from "./state-pairs.ts";
import { trainMaps, type Start } from "./train-maps.ts";

export type FitPhase = "read" | "solve" | "train" | "differentiate" | "measure";

export interface FitRequest extends FitTexts {
  readonly engine: Engine;
  /** Each gets a map to the target layer; absolute. */
  readonly layers: readonly MappedLayer[];
  readonly target: number;
  readonly kind: FittedKind;
  /** Of both layers; `resid_post` by default. */
  readonly site?: Site;
  /** By how many tokens the states mapped to stand behind those mapped from; 0 by default. */
  readonly ahead?: number;
  /**
   * Pulls weights towards zero, in parts of each number's variance; 1e-4 by default. `auto` chooses it for
   * each map, on a fifth of the states.
   */
  readonly ridge?: number | "auto";
  /** Of maps of low rank; 64 by default. */
  readonly rank?: number | undefined;
  /** Numbers of the hidden layer of MLPs; 256 by default. */
  readonly hidden?: number | undefined;
  /** Of what MLPs start from, and of the order in which they see states; 0 by default. */
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((event: { readonly phase: FitPhase; readonly done: number; readonly total: number }) => void)
    | undefined;
  /** What another fit of the same request had summed when it was stopped: this one goes on from there. */
  readonly stopped?: KeptSums | undefined;
  /** Awaited behind every batch of texts, with all that is summed by then; what it is given changes afterwards. */
  readonly onSums?: ((sums: KeptSums) => Promise<void>) | undefined;
  /** Awaited between stretches of computing, so that a page or a process can answer; a macrotask is enough. */
  readonly rest?: (() => Promise<void>) | undefined;
}

/** What texts have left behind, from the first batch on. */
export interface KeptSums {
  /** Of texts; of a relation, derivatives. */
  readonly batches: number;
  /** No text is left to read. */
  readonly isAll: boolean;
  readonly moments: readonly KeptMoments[];
  /** Maps that are fitted and measured, of a fit that makes some after others; the sums are of those that come next. */
  readonly fitted?: readonly FittedPair[];
}

export interface Fit {
  readonly pairs: readonly FittedPair[];
  readonly states: number;
  readonly heldOutStates: number;
}

/**
 * Fits a map from each layer to the target layer, by least squares, on all states but those of first tokens, which
 * are attention sinks.
 * @throws `usage` where the states do not determine a map; `engine`; `aborted`
 */
export async function fitMapping(request: FitRequest): Promise<Fit> {
  const { layers, kind, engine, onProgress, texts, heldOut, ahead, ridge } = request;
  const sums = await readMoments(request);
  const starts: (Start & { readonly ridge: number })[] = [];
  for (const [index, layer] of layers.entries()) {
    onProgress?.({ phase: "solve", done: index, total: layers.length });
    await resting(request);
    const own = sums.get(layer);
    assert(own, "every layer was read");
    starts.push({ layer, ...(await solved(layer, own, request)) });
    // Two matrices of each layer; they are not needed any more.
    sums.delete(layer);
  }
  const tools = { multiply: productsOf(engine) ?? multiplyPlainly, rest: () => resting(request) };
  const maps =
    kind === "mlp" ? await trainMaps(starts, request, tools) : starts.map(({ map }) => map);
  const scored = await scoreMaps(maps, request);
  const pairs = starts.map((start, index): FittedPair => {
    const [map, scores] = [maps[index], scored[index]];
    assert(map && scores, "every layer has its map");
    const chosen = ridge === "auto" ? { ridge: start.ridge } : {};
    return { source: start.layer, target: request.target, map, ...scores, ...chosen };
  });
  return { pairs, states: pairsIn(texts, ahead), heldOutStates: pairsIn(heldOut, ahead) };
}

/** Solves a layer's map; throws where its states do not determine one. */
async function solved(
  layer: MappedLayer,
  sums: PairSums,
  { kind, rank, ridge, engine }: FitRequest,
): Promise<Omit<Start, "layer"> & { readonly ridge: number }> {
  const found = await solvedWithRidge(layer, sums, {
    ...{ kind, rank, ridge },
    multiply: productsOf(engine),
  });
  const { meanX, varianceX } = sums.own.covariances();
  return { ...found, of: { meanX, varianceX } };
}

/** Runs all texts once and adds up their states, layer by layer; every fifth batch apart where a ridge is chosen. */
async function readMoments(request: FitRequest): Promise<Map<MappedLayer, PairSums>> {
  const { engine, layers, kind, ridge, texts, stopped, onSums, onProgress } = request;
  const { hiddenSize } = engine.architecture;
  const width = { x: hiddenSize, y: hiddenSize };
  const multiply = productsOf(engine);
  const sums = new Map(
    layers.map((layer) => [layer, emptySums(width, { kind, ridge, multiply })] as const),
  );
  const all = allSums(sums.values());
  for (const [index, kept] of (stopped?.moments ?? []).entries()) all[index]?.restore(kept);
  const batches = batchesOf(texts);
  const from = stopped?.batches ?? 0;
  const read = batches.slice(0, from).flat();
  const total = tokensIn(texts);
  const wanted = pairsIn(texts, request.ahead);
  // The states that choose an MLP's best epoch are in nothing that it starts from.
  let left = (kind === "mlp" ? trainingStates(wanted) : wanted) - pairsIn(read, request.ahead);
  let done = tokensIn(read);
  onProgress?.({ phase: "read", done, total });
  const keep = (count: number, isAll: boolean): Promise<void> | undefined =>
    onSums?.({ batches: count, isAll, moments: all.map((each) => each.kept()) });
  for await (const batch of readStatePairs(request, layers, from)) {
    for (const [index, layer] of layers.entries()) {
      const own = sums.get(layer);
      assert(own, "every layer has its sums");
      if (left > 0) await sumsOfBatch(own, batch.index).add(firstOf(batch, index, left));
      // Sums that are to be kept have all layers of a batch, or none.
      await resting(onSums === undefined ? request : { rest: request.rest });
    }
    left -= batch.rows;
    done += batch.tokens;
    onProgress?.({ phase: "read", done, total });
    await keep(batch.index + 1, false);
    await resting(request);
  }
  await keep(batches.length, true);
  return sums;
}

function tokensIn(texts: FitTexts["texts"]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** The first pairs of a batch, for one source layer. */
function firstOf(batch: StateBatch, layer: number, most: number): StatePairs {
  const [x, y] = [batch.x(layer), batch.y];
  const rows = Math.min(batch.rows, most);
  const part = (all: Float32Array): Float32Array =>
    all.subarray(0, (all.length / batch.rows) * rows);
  return { rows, x: part(x), y: part(y) };
}

/** Lets others have the processor for a moment, and sees whether the work is still wanted. */
export async function resting({
  rest,
  signal,
}: Pick<FitRequest, "rest" | "signal">): Promise<void> {
  await rest?.();
  if (signal?.aborted === true) throw fitStopped(signal.reason);
}
