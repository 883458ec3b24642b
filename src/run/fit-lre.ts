/**
 * Learns a relation as a linear map (LRE: Hernandez et al., arXiv 2308.09124): near some subjects, how the last token's state
 * at the target layer follows from the state of the subject's last token. Derivatives are central differences: rows
 * join the stack behind the source layer with one number of the subject's state a little changed, and all else comes from
 * the clean run. What the relation is, the texts say.
 */
import type { Cache } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { relationLayers, statesNotFinite } from "../mapping/errors.ts";
import { placeOf, type FittedPair, type MappedLayer } from "../mapping/fitted-mapping.ts";
import { mapped, type FittedMap } from "../mapping/mapping.ts";
import { logSumExp } from "../measure/fidelity.ts";
import { MapTally } from "../measure/map-scores.ts";
import { entryOf } from "../plan/entry.ts";
import { resting, type FitRequest } from "./fit-mapping.ts";
import type { SubjectText } from "./subject-texts.ts";

export interface LreRequest extends Pick<
  FitRequest,
  "engine" | "layers" | "target" | "signal" | "onProgress" | "rest" | "stopped" | "onSums"
> {
  /** The derivatives' mean is taken over these. */
  readonly texts: readonly SubjectText[];
  /** The maps are measured on these; without any they are not. */
  readonly heldOut?: readonly SubjectText[];
  /** Told the token that the model itself says behind each of those. */
  readonly onSaid?: ((token: number) => void) | undefined;
  /** What derivatives are multiplied by; 1 by default. */
  readonly beta?: number;
  /** How far a number is moved to either side, in parts of the state's root mean square; {@link STEP} by default. */
  readonly step?: number;
}

/** Float32 rounds what smaller steps change, and larger ones leave the straight line. */
const STEP = 0.03;

/** Tokens of all rows in one pass. */
const BATCH_TOKENS = 512;

/** A text's clean run. */
interface CleanText {
  readonly text: SubjectText;
  /** Its keys and values, until the next text. */
  readonly cache: Cache;
  /** `[tokens, hidden]` at each source layer. */
  readonly states: readonly Float32Array[];
  /** `[hidden]`: the last token's, at the target layer. */
  readonly output: Float32Array;
  /** `[vocab]`: behind the last token. */
  readonly logits: Float32Array;
}

/** Sums over texts, for one source layer. */
interface RelationSums {
  readonly layer: MappedLayer;
  /** `[out, in]`: derivatives. */
  readonly jacobian: Float64Array;
  /** `[out]`: outputs less what derivatives make of the subject's states. */
  readonly bias: Float64Array;
}

/**
 * An affine map for each source layer: W is beta times the mean derivative, b the mean of what it leaves of the outputs.
 * @throws `usage` for a source layer that is not below the target; `engine`; `aborted`
 */
export async function fitLre(request: LreRequest): Promise<readonly FittedPair[]> {
  const { engine, layers, target, texts, heldOut = [], beta = 1 } = request;
  const tooHigh = layers.find((layer) => layer !== "embedding" && layer >= target);
  if (tooHigh !== undefined) throw relationLayers(String(tooHigh), target);
  const { hiddenSize } = engine.architecture;
  const sums = layers.map((layer): RelationSums => ({
    layer,
    jacobian: new Float64Array(hiddenSize * hiddenSize),
    bias: new Float64Array(hiddenSize),
  }));
  await addTexts(sums, request);
  const pairs = sums.map(({ layer, jacobian, bias }): FittedPair => {
    const weight = Float32Array.from(jacobian, (sum) => (beta * sum) / texts.length);
    if (!weight.every(Number.isFinite)) throw statesNotFinite(String(layer));
    const mean = Float32Array.from(bias, (sum) => sum / texts.length);
    return { source: layer, target, map: { kind: "affine", weight, bias: mean } };
  });
  return heldOut.length === 0 ? pairs : scoredOn(heldOut, pairs, request);
}

/** Adds up all derivatives, text by text, layer by layer, some numbers of the subject's state at once. */
async function addTexts(sums: readonly RelationSums[], request: LreRequest): Promise<void> {
  const { engine, texts, stopped, onSums, onProgress } = request;
  const { hiddenSize } = engine.architecture;
  const ofText = sums.length * hiddenSize;
  const total = texts.length * ofText;
  for (const [index, kept] of (stopped?.moments ?? []).entries()) {
    sums[index]?.jacobian.set(kept.sums[0] ?? []);
    sums[index]?.bias.set(kept.sums[1] ?? []);
  }
  let done = stopped?.batches ?? 0;
  const moments = sums.map(({ jacobian, bias }) => ({ states: 0, sums: [jacobian, bias] }));
  for (const [at, text] of texts.entries()) {
    if (done >= (at + 1) * ofText) continue;
    await withCleanText(text, request, async (clean) => {
      for (const [index, sum] of sums.entries()) {
        const from = done - at * ofText - index * hiddenSize;
        if (from >= hiddenSize) continue;
        await addText(sum, { clean, index, request, from }, async (columns) => {
          done += columns;
          onProgress?.({ phase: "differentiate", done, total });
          await onSums?.({ batches: done, isAll: done === total, moments });
        });
      }
    });
  }
}

/** Runs a text as it is, and frees its keys and values behind what is done with it. */
async function withCleanText(
  text: SubjectText,
  request: LreRequest,
  act: (clean: CleanText) => Promise<void>,
): Promise<void> {
  const { engine, layers, target, signal } = request;
  const { hiddenSize } = engine.architecture;
  const length = text.tokens.length;
  const { taps, cache, read } = await engine.run(
    {
      kind: "prefill",
      length,
      rows: [{ tokens: text.tokens }],
      taps: [...layers, target].map((layer) => placeOf(layer, "resid_post")),
      keep: true,
      read: { at: [{ row: 0, offset: length - 1 }], topK: 0, logits: true },
    },
    signal,
  );
  const output = taps.at(-1)?.slice(-hiddenSize);
  assert(cache && output && read?.logits, "all of the text was read");
  try {
    await act({ text, cache, states: taps.slice(0, -1), output, logits: read.logits });
  } finally {
    cache.dispose();
  }
}

interface TextParts {
  readonly clean: CleanText;
  /** Of the source layer. */
  readonly index: number;
  readonly request: LreRequest;
}

/** Adds what a text says of one layer's derivatives, from this number of the subject's state on. */
async function addText(
  { layer, jacobian, bias }: RelationSums,
  parts: TextParts & { readonly from: number },
  onColumns: (columns: number) => Promise<void>,
): Promise<void> {
  const { clean, index, request } = parts;
  const { hiddenSize } = request.engine.architecture;
  const { tokens, subject } = clean.text;
  const states = clean.states[index]?.subarray(subject * hiddenSize);
  assert(states, "every layer was read");
  const own = states.subarray(0, hiddenSize);
  const step = stepOf(own, request.step ?? STEP);
  const atOnce = Math.max(1, Math.floor(BATCH_TOKENS / (2 * (tokens.length - subject))));
  for (let { from } = parts; from < hiddenSize; from += atOnce) {
    await resting(request);
    const columns = Math.min(atOnce, hiddenSize - from);
    const moved = Array.from({ length: columns }, (_, at) => movedRows(states, from + at, step));
    const outputs = await outputsOf(
      moved.flatMap(({ above, below }) => [above, below]),
      { layer, clean, request },
    );
    // From here on nothing is awaited until all is added: sums that are kept have whole passes.
    if (from === 0) addTo(bias, clean.output);
    for (const [at, { distance }] of moved.entries()) {
      const [above, below] = [outputs[2 * at], outputs[2 * at + 1]];
      assert(above && below, "every row has its output");
      const column = from + at;
      for (let row = 0; row < hiddenSize; row++) {
        const slope = ((above[row] ?? NaN) - (below[row] ?? NaN)) / distance;
        jacobian[row * hiddenSize + column] = (jacobian[row * hiddenSize + column] ?? 0) + slope;
        bias[row] = (bias[row] ?? 0) - slope * (own[column] ?? 0);
      }
    }
    await onColumns(columns);
  }
}

function addTo(sum: Float64Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (more[i] ?? 0);
}

/** In the state's own units. */
function stepOf(state: Float32Array, relative: number): number {
  const square = state.reduce((sum, value) => sum + value * value, 0) / state.length;
  return relative * (square > 0 ? Math.sqrt(square) : 1);
}

/** The rows in which one number of the first token is moved to either side, and by how much after rounding. */
function movedRows(
  states: Float32Array,
  column: number,
  step: number,
): { readonly above: Float32Array; readonly below: Float32Array; readonly distance: number } {
  const [above, below] = [states.slice(), states.slice()];
  above[column] = (states[column] ?? 0) + step;
  below[column] = (states[column] ?? 0) - step;
  return { above, below, distance: (above[column] ?? 0) - (below[column] ?? 0) };
}

/** The last token's states at the target layer, of rows that begin at the subject's last token. */
async function outputsOf(
  rows: readonly Float32Array[],
  parts: {
    readonly layer: MappedLayer;
    readonly clean: CleanText;
    readonly request: LreRequest;
  },
): Promise<readonly Float32Array[]> {
  const { layer, clean, request } = parts;
  const { engine, target, signal } = request;
  const { hiddenSize } = engine.architecture;
  const { tokens, subject } = clean.text;
  const length = tokens.length - subject;
  const entry = entryOf(placeOf(layer, "resid_post"));
  const { taps } = await engine.run(
    {
      kind: "prefill",
      context: { cache: clean.cache, length: subject },
      length,
      rows: rows.map((states) => ({ entry, states })),
      taps: [placeOf(target, "resid_post")],
    },
    signal,
  );
  return rows.map((_, row) => {
    const end = (row + 1) * length * hiddenSize;
    return taps[0]?.subarray(end - hiddenSize, end) ?? new Float32Array(0);
  });
}

/** What the maps make of subjects that they were not learned from, beside what the model says. */
async function scoredOn(
  heldOut: readonly SubjectText[],
  pairs: readonly FittedPair[],
  request: LreRequest,
): Promise<readonly FittedPair[]> {
  const { hiddenSize } = request.engine.architecture;
  const tallies = pairs.map(() => new MapTally(hiddenSize));
  for (const [done, text] of heldOut.entries()) {
    request.onProgress?.({ phase: "measure", done, total: heldOut.length });
    await resting(request);
    await withCleanText(text, request, async (clean) => {
      request.onSaid?.(clean.logits.indexOf(largest(clean.logits)));
      for (const [index, tally] of tallies.entries()) {
        const map = pairs[index]?.map;
        assert(map, "every layer has its map");
        await addScore(tally, map, { clean, index, request });
      }
    });
  }
  return pairs.map((pair, index) => {
    const scores = tallies[index]?.scores();
    return scores === undefined ? pair : { ...pair, scores };
  });
}

async function addScore(
  tally: MapTally,
  map: FittedMap,
  { clean, index, request }: TextParts,
): Promise<void> {
  const { engine, target, signal } = request;
  const { hiddenSize } = engine.architecture;
  const { tokens, subject } = clean.text;
  const at = subject * hiddenSize;
  const state = clean.states[index]?.subarray(at, at + hiddenSize);
  assert(state, "every layer was read");
  const vector = mapped(map, state);
  tally.addState(vector, clean.output);
  const { read } = await engine.run(
    {
      kind: "prefill",
      context: { cache: clean.cache, length: tokens.length - 1 },
      length: 1,
      rows: [{ entry: target + 1, states: vector }],
      read: { at: [{ row: 0, offset: 0 }], topK: 1 },
    },
    signal,
  );
  const token = read?.topTokens[0];
  assert(token !== undefined, "the likeliest token was read");
  const logit = clean.logits[token] ?? NaN;
  tally.addToken(logit === largest(clean.logits), logit - logSumExp(clean.logits));
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}
