/**
 * Trains the hidden layer of an MLP on pairs of states, by Adam (arXiv 1412.6980) on mini-batches: what the affine map
 * before it leaves, each number in parts of what is left of it. A tenth of the states only says which epoch was best,
 * and no epoch at all is one of them, so that the map is never worse there than the affine one.
 */
import { Adam } from "./adam.ts";
import { mapped, silu, type FittedMap, type MlpMap } from "./mapping.ts";
import type { Covariances } from "./moments.ts";
import type { Matrix, Multiply } from "./multiply.ts";

export interface MlpRequest {
  /** The map that training starts from. */
  readonly affine: Extract<FittedMap, { kind: "affine" }>;
  /** What inputs are measured in. */
  readonly of: Pick<Covariances, "meanX" | "varianceX">;
  /** `[states, in]` and `[states, out]`; in any order, the same as ever. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Width of the hidden layer. */
  readonly hidden: number;
  readonly multiply: Multiply;
  /** A number from 0 to below 1 for each pair of numbers, always the same. */
  readonly chance: (a: number, b: number) => number;
  /** Awaited before every mini-batch; throws to stop. */
  readonly onStep?: ((done: number, total: number) => Promise<void>) | undefined;
}

/** Numbers of a hidden layer where nobody says how many. */
export const DEFAULT_HIDDEN = 256;

const EPOCHS = 20;
/** Epochs without a better one after which training ends. */
const PATIENCE = 3;
const BATCH = 256;
const LEARNING_RATE = 1e-3;
const CHECK_SHARE = 0.1;

/**
 * How many of so many states, the first ones, are learned from. The affine map must not know the others either: where it
 * fits them too closely to be bettered there, no epoch ever is the best.
 */
export function trainingStates(states: number): number {
  return Math.max(1, states - Math.floor(states * CHECK_SHARE));
}

/** The affine map with a hidden layer for what it leaves. */
export async function trainMlp(request: MlpRequest): Promise<MlpMap> {
  const data = dataOf(request);
  const weights = initialWeights(request, data);
  const optimisers = new Map(
    weights.map((weight) => [weight, new Adam(weight.length, LEARNING_RATE)] as const),
  );
  let best = { error: await errorOf(data, weights, request), weights: copied(weights) };
  const steps = Math.ceil(data.training / BATCH);
  for (let epoch = 0, since = 0; epoch < EPOCHS && since < PATIENCE; epoch++, since++) {
    const order = shuffledRows(data.training, (i) => request.chance(epoch + 1, i));
    for (let step = 0; step < steps; step++) {
      await request.onStep?.(epoch * steps + step, EPOCHS * steps);
      const batch = batchOf(data, order.subarray(step * BATCH, (step + 1) * BATCH));
      const gradients = await gradientsOf(batch, weights, request.multiply);
      // Smaller and smaller steps, by a half cosine.
      const rate = (1 + Math.cos((Math.PI * (epoch * steps + step)) / (EPOCHS * steps))) / 2;
      for (const [i, weight] of weights.entries()) {
        optimisers.get(weight)?.step(weight, gradients[i] ?? weight, rate);
      }
    }
    const error = await errorOf(data, weights, request);
    if (!(error < best.error)) continue;
    best = { error, weights: copied(weights) };
    since = -1;
  }
  return folded(best.weights, data, request);
}

/** Inner weights `[hidden, in]`, inner bias, outer weights `[out, hidden]`, outer bias, in the data's own measure. */
type Weights = readonly [Float32Array, Float32Array, Float32Array, Float32Array];

/** States in the measure of their own spread, and what the affine map leaves of their partners. */
interface Data {
  readonly width: { readonly x: number; readonly y: number };
  readonly hidden: number;
  /** `[states, in]` */
  readonly inputs: Float32Array;
  /** `[states, out]` */
  readonly left: Float32Array;
  /** Rows to train on; those behind them are kept aside. */
  readonly training: number;
  readonly states: number;
  readonly spreadX: Float64Array;
  readonly spreadLeft: Float64Array;
}

function dataOf({ affine, of, x, y, hidden }: MlpRequest): Data {
  const width = { x: of.meanX.length, y: affine.bias.length };
  const states = x.length / width.x;
  const spreadX = of.varianceX.map((variance) => (variance > 0 ? Math.sqrt(variance) : Infinity));
  const inputs = x.map(
    (value, i) => (value - (of.meanX[i % width.x] ?? 0)) / (spreadX[i % width.x] ?? 1),
  );
  const left = new Float32Array(y.length);
  const squares = new Float64Array(width.y);
  for (let row = 0; row < states; row++) {
    const guess = mapped(affine, x.subarray(row * width.x, (row + 1) * width.x));
    for (const [i, value] of guess.entries()) {
      const rest = (y[row * width.y + i] ?? 0) - value;
      left[row * width.y + i] = rest;
      squares[i] = (squares[i] ?? 0) + rest * rest;
    }
  }
  const spreadLeft = squares.map((sum) => (sum > 0 ? Math.sqrt(sum / states) : 1));
  for (let i = 0; i < left.length; i++) left[i] = (left[i] ?? 0) / (spreadLeft[i % width.y] ?? 1);
  const training = trainingStates(states);
  return { width, hidden, inputs, left, training, states, spreadX, spreadLeft };
}

/** The outer ones are zero: training starts at the affine map itself. */
function initialWeights({ chance }: MlpRequest, { width, hidden }: Data): Weights {
  const size = 1 / Math.sqrt(width.x);
  const normal = (i: number): number =>
    Math.sqrt(-2 * Math.log(1 - chance(-1, i))) * Math.cos(2 * Math.PI * chance(-2, i));
  return [
    Float32Array.from({ length: hidden * width.x }, (_, i) => size * normal(i)),
    new Float32Array(hidden),
    new Float32Array(width.y * hidden),
    new Float32Array(width.y),
  ];
}

interface Batch {
  readonly inputs: Matrix;
  readonly left: Matrix;
}

function batchOf({ width, inputs, left }: Data, rows: Uint32Array): Batch {
  const pick = (all: Float32Array, columns: number): Matrix => {
    const data = new Float32Array(rows.length * columns);
    for (const [to, from] of rows.entries()) {
      data.set(all.subarray(from * columns, (from + 1) * columns), to * columns);
    }
    return { rows: rows.length, columns, data };
  };
  return { inputs: pick(inputs, width.x), left: pick(left, width.y) };
}

interface Forward {
  /** Before the activation, and behind it: `[rows, hidden]`. */
  readonly before: Float32Array;
  readonly active: Matrix;
  /** What is missing to what the affine map leaves, with its sign turned: `[rows, out]`. */
  readonly error: Matrix;
}

async function forwardOf(
  { inputs, left }: Batch,
  [inner, innerBias, outer, outerBias]: Weights,
  multiply: Multiply,
): Promise<Forward> {
  const { rows } = inputs;
  const hidden = innerBias.length;
  const wide = { rows: hidden, columns: inputs.columns, data: inner };
  const before = plus(await multiply(inputs, wide, "right"), innerBias);
  const active = { rows, columns: hidden, data: before.map(silu) };
  const tall = { rows: left.columns, columns: hidden, data: outer };
  const guess = plus(await multiply(active, tall, "right"), outerBias);
  const error = guess.map((value, i) => value - (left.data[i] ?? 0));
  return { before, active, error: { ...left, data: error } };
}

/** Of half the mean squared error of a number. */
async function gradientsOf(batch: Batch, weights: Weights, multiply: Multiply): Promise<Weights> {
  const { before, active, error } = await forwardOf(batch, weights, multiply);
  const share = 1 / error.rows;
  const scaled = { ...error, data: error.data.map((value) => value * share) };
  const outer = await multiply(scaled, active, "left");
  const tall = { rows: error.columns, columns: active.columns, data: weights[2] };
  const back = (await multiply(scaled, tall, "neither")).map(
    (value, i) => value * slope(before[i] ?? 0),
  );
  const inner = await multiply({ ...active, data: back }, batch.inputs, "left");
  return [inner, columnSums(back, active.columns), outer, columnSums(scaled.data, error.columns)];
}

/** The derivative of {@link silu}. */
function slope(value: number): number {
  const logistic = 1 / (1 + Math.exp(-value));
  return logistic * (1 + value * (1 - logistic));
}

/** The mean squared error on the states that are kept aside; on all where there are too few. */
async function errorOf(data: Data, weights: Weights, { multiply }: MlpRequest): Promise<number> {
  const first = data.training < data.states ? data.training : 0;
  let sum = 0;
  for (let from = first; from < data.states; from += BATCH) {
    const count = Math.min(BATCH, data.states - from);
    const rows = Uint32Array.from({ length: count }, (_, i) => from + i);
    const { error } = await forwardOf(batchOf(data, rows), weights, multiply);
    sum += error.data.reduce((total, value) => total + value * value, 0);
  }
  return sum / (data.states - first);
}

/** The same function of states as they are. */
function folded(
  [inner, innerBias, outer, outerBias]: Weights,
  { width, hidden, spreadX, spreadLeft }: Data,
  { affine, of }: MlpRequest,
): MlpMap {
  const folded = inner.map((value, i) => value / (spreadX[i % width.x] ?? 1));
  return {
    kind: "mlp",
    weight: affine.weight,
    bias: affine.bias.map((value, i) => value + (outerBias[i] ?? 0) * (spreadLeft[i] ?? 1)),
    inner: folded,
    innerBias: innerBias.map((value, row) =>
      of.meanX.reduce((left, mean, k) => left - mean * (folded[row * width.x + k] ?? 0), value),
    ),
    outer: outer.map((value, i) => value * (spreadLeft[Math.floor(i / hidden)] ?? 1)),
  };
}

function plus(rows: Float32Array, bias: Float32Array): Float32Array {
  const width = bias.length;
  return rows.map((value, i) => value + (bias[i % width] ?? 0));
}

function columnSums(rows: Float32Array, width: number): Float32Array {
  const sums = new Float64Array(width);
  for (const [i, value] of rows.entries()) sums[i % width] = (sums[i % width] ?? 0) + value;
  return Float32Array.from(sums);
}

function copied(weights: Weights): Weights {
  const [a, b, c, d] = weights;
  return [a.slice(), b.slice(), c.slice(), d.slice()];
}

function shuffledRows(count: number, chance: (i: number) => number): Uint32Array {
  const rows = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(chance(i) * (i + 1));
    const row = rows[i] ?? 0;
    rows[i] = rows[j] ?? 0;
    rows[j] = row;
  }
  return rows;
}
