/** What the decoder graph is fed about positions: how far each is turned. What each may look at: `mask-feeds.ts`. */
import type { Architecture, Rope } from "../architecture.ts";
import { frequenciesOf } from "../rope-frequencies.ts";
import { angleNames, blockName } from "./graph/decoder-io.ts";
import type { Ragged } from "./ragged.ts";
import type { Feeds, Runtime, RuntimeTensor } from "./runtime.ts";

/** `length` tokens from position `first` on. */
export interface Span {
  readonly first: number;
  readonly length: number;
}

/** The tokens of a call: at the same positions in all rows, or from another one on in each. */
interface Spans extends Span {
  readonly ragged: Pick<Ragged, "firsts" | "ends" | "rowsOf"> | undefined;
}

/** Positions and angles of a call, for each way of looking back that the model has. */
export function positionFeeds(
  { first, length, ragged }: Spans,
  { rope, window, layers }: Architecture,
  runtime: Runtime,
): Feeds {
  if (rope === undefined) return {};
  const spans = { length, firsts: [first], ends: [first + length], ...ragged };
  const feeds: Record<string, RuntimeTensor> = {};
  const ofRows = placesOfRows(length, runtime);
  for (let layer = 0; layer < layers; layer++) {
    feeds[blockName.positions(layer)] = ofRows(ragged?.rowsOf(layer) ?? []);
  }
  return {
    ...feeds,
    ...angleFeeds(spans, rope, angleNames.all, runtime),
    ...(window?.rope && angleFeeds(spans, window.rope, angleNames.window, runtime)),
  };
}

/** Which of the angles the tokens of some rows have; blocks with the same rows share a tensor. Of no rows the first one's. */
function placesOfRows(
  length: number,
  runtime: Runtime,
): (rows: readonly number[]) => RuntimeTensor {
  const known = new Map<string, RuntimeTensor>();
  return (rows) => {
    const some = rows.length === 0 ? [0] : rows;
    const key = some.join();
    const places = some.flatMap((row) =>
      Array.from({ length }, (_, offset) => row * length + offset),
    );
    const tensor = known.get(key) ?? runtime.int64(places, [some.length, length]);
    known.set(key, tensor);
    return tensor;
  };
}

/** Cosines and sines of the positions, row by row. */
function angleFeeds(
  { firsts, ends, length }: Pick<Ragged, "firsts" | "ends"> & Pick<Span, "length">,
  rope: Rope,
  names: { readonly cos: string; readonly sin: string },
  runtime: Runtime,
): Feeds {
  const half = rope.inverseFrequencies.length;
  const cos = new Float32Array(firsts.length * length * half);
  const sin = new Float32Array(firsts.length * length * half);
  for (const [row, first] of firsts.entries()) {
    const frequencies = frequenciesOf(rope, ends[row] ?? 0);
    for (let offset = 0; offset < length; offset++) {
      const at = (row * length + offset) * half;
      for (let pair = 0; pair < half; pair++) {
        const angle = (first + offset) * (frequencies[pair] ?? 0);
        cos[at + pair] = Math.cos(angle) * rope.attentionFactor;
        sin[at + pair] = Math.sin(angle) * rope.attentionFactor;
      }
    }
  }
  const shape = [firsts.length * length, half];
  return { [names.cos]: runtime.float32(cos, shape), [names.sin]: runtime.float32(sin, shape) };
}
