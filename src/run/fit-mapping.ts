/**
 * Learns maps from the states of one layer to those of a later one, on the same texts: states are read in batches and
 * leave only sums behind; then every map is measured on texts that it has not seen, beside no map at all.
 */
import type { Engine, Tap } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { fitStopped, mapNotDetermined, statesNotFinite } from "../mapping/errors.ts";
import { placeOf, type FittedPair, type MappedLayer } from "../mapping/fitted-mapping.ts";
import type { FittedKind, FittedMap } from "../mapping/mapping.ts";
import { Moments } from "../mapping/moments.ts";
import { solveMap } from "../mapping/solve-map.ts";
import type { FitTexts } from "./fit-texts.ts";
import { scoreMaps } from "./score-maps.ts";
import { fillUp } from "./vectors.ts";

export type FitPhase = "read" | "solve" | "measure";

export interface FitRequest extends FitTexts {
  readonly engine: Engine;
  /** Each gets a map to the target layer; absolute. */
  readonly layers: readonly MappedLayer[];
  readonly target: number;
  readonly kind: FittedKind;
  /** Pulls an affine map's weights towards zero, in parts of each number's variance; {@link DEFAULT_RIDGE} by default. */
  readonly ridge?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((event: { readonly phase: FitPhase; readonly done: number; readonly total: number }) => void)
    | undefined;
  /** Awaited between stretches of computing, so that a page or a process can answer; a macrotask is enough. */
  readonly rest?: (() => Promise<void>) | undefined;
}

export interface Fit {
  readonly pairs: readonly FittedPair[];
  readonly states: number;
  readonly heldOutStates: number;
}

/** Small enough to change no map that is well determined. */
export const DEFAULT_RIDGE = 1e-4;

/** Tokens of all rows in one pass. */
const BATCH_TOKENS = 256;

/**
 * Fits a map from each layer to the target layer, by least squares, on all states but those of first tokens, which
 * are attention sinks.
 * @throws `usage` where the states do not determine a map; `engine`; `aborted`
 */
export async function fitMapping(request: FitRequest): Promise<Fit> {
  const { layers, onProgress } = request;
  const moments = await readMoments(request);
  const maps: FittedMap[] = [];
  for (const [index, layer] of layers.entries()) {
    onProgress?.({ phase: "solve", done: index, total: layers.length });
    await resting(request);
    const sums = moments.get(layer);
    assert(sums, "every layer was read");
    maps.push(solvedMap(layer, sums, request));
    // Two matrices of each layer; they are not needed any more.
    moments.delete(layer);
  }
  const scored = await scoreMaps(maps, request);
  const pairs = layers.map((source, index): FittedPair => {
    const [map, scores] = [maps[index], scored[index]];
    assert(map && scores, "every layer has its map");
    return { source, target: request.target, map, ...scores };
  });
  return { pairs, states: statesOf(request.texts), heldOutStates: statesOf(request.heldOut) };
}

function statesOf(texts: FitTexts["texts"]): number {
  return texts.reduce((sum, text) => sum + text.length - 1, 0);
}

/** The map that some sums determine. Throws `usage` where there is none. */
export function solvedMap(
  layer: MappedLayer,
  moments: Moments,
  { kind, ridge, engine }: Pick<FitRequest, "kind" | "ridge" | "engine">,
): FittedMap {
  const covariances = moments.covariances();
  const { varianceX, states } = covariances;
  if (!varianceX.every(Number.isFinite)) throw statesNotFinite(String(layer));
  const map = solveMap(kind, covariances, ridge ?? DEFAULT_RIDGE);
  if (map !== undefined) return map;
  throw mapNotDetermined({ layer: String(layer), states, width: engine.architecture.hiddenSize });
}

/** Runs all texts once and adds up their states, layer by layer. */
async function readMoments(request: FitRequest): Promise<Map<MappedLayer, Moments>> {
  const { engine, layers, target, kind, texts, signal, onProgress } = request;
  const { hiddenSize } = engine.architecture;
  const width = { x: hiddenSize, y: hiddenSize };
  const moments = new Map(layers.map((layer) => [layer, new Moments(kind, width)]));
  const taps: Tap[] = [...layers, target].map((layer) => placeOf(layer, "resid_post"));
  const total = texts.reduce((sum, text) => sum + text.length, 0);
  let done = 0;
  for (const batch of batchesOf(texts)) {
    onProgress?.({ phase: "read", done, total });
    const length = Math.max(...batch.map((text) => text.length));
    const rows = batch.map((text) => ({ tokens: fillUp(text, length) }));
    const output = await engine.run({ kind: "prefill", length, rows, taps }, signal);
    const of = (index: number): Float64Array =>
      statesBehindFirst(output.taps[index] ?? new Float32Array(0), { batch, length, hiddenSize });
    const y = of(layers.length);
    for (const [index, layer] of layers.entries()) {
      moments.get(layer)?.add({ rows: statesOf(batch), x: of(index), y });
      await resting(request);
    }
    done += batch.reduce((sum, text) => sum + text.length, 0);
  }
  return moments;
}

/** Lets others have the processor for a moment, and sees whether the work is still wanted. */
export async function resting({
  rest,
  signal,
}: Pick<FitRequest, "rest" | "signal">): Promise<void> {
  await rest?.();
  if (signal?.aborted === true) throw fitStopped(signal.reason);
}

/** Texts that go through an engine together. */
export function* batchesOf<Text extends { readonly length: number }>(
  texts: readonly Text[],
): Iterable<readonly Text[]> {
  let batch: Text[] = [];
  let longest = 0;
  for (const text of texts) {
    longest = Math.max(longest, text.length);
    if (batch.length > 0 && longest * (batch.length + 1) > BATCH_TOKENS) {
      yield batch;
      batch = [];
      longest = text.length;
    }
    batch.push(text);
  }
  if (batch.length > 0) yield batch;
}

/** The states of all tokens but each row's first, without what rows were filled up with: `[states, hidden]`. */
function statesBehindFirst(
  tap: Float32Array,
  {
    batch,
    length,
    hiddenSize,
  }: {
    readonly batch: FitTexts["texts"];
    readonly length: number;
    readonly hiddenSize: number;
  },
): Float64Array {
  const states = new Float64Array(statesOf(batch) * hiddenSize);
  let at = 0;
  for (const [row, text] of batch.entries()) {
    const start = (row * length + 1) * hiddenSize;
    const own = tap.subarray(start, start + (text.length - 1) * hiddenSize);
    states.set(own, at);
    at += own.length;
  }
  return states;
}
