/** The states of both sides of a fit whose two sides are no layers of one run: two models, or vectors and the texts that they go with. */
import { fillUp, type Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { placeOf, type MappedLayer } from "../mapping/fitted-mapping.ts";
import type { Multiply } from "../mapping/multiply.ts";
import type { AlignedText } from "./aligned-texts.ts";

/** Vectors that are no model's states, `[rows, width]`: the tokens of a text's source are then the numbers of its rows. */
export interface SourceVectors {
  readonly width: number;
  readonly rows: Float32Array;
}

/** Where the states that are mapped from come from. */
export type StateSource = Engine | SourceVectors;

/** Numbers of its states. */
export function widthOf(source: StateSource): number {
  return "rows" in source ? source.width : source.architecture.hiddenSize;
}

/** The engine's own products, or nothing. */
export function productsOf(source: StateSource): Multiply | undefined {
  return "rows" in source ? undefined : source.multiply?.bind(source);
}

/** The states of one side's paired tokens, `[pairs, width]`, by layer; vectors are the same at any layer. */
export async function pairedStates(
  batch: readonly AlignedText[],
  on: {
    readonly side: "source" | "target";
    readonly of: StateSource;
    readonly layers: readonly MappedLayer[];
    readonly signal: AbortSignal | undefined;
  },
): Promise<ReadonlyMap<MappedLayer, Float32Array>> {
  const { side, of, layers, signal } = on;
  const length = Math.max(...batch.map((text) => text[side].length));
  const places = batch.flatMap((text, row) =>
    text.pairs.map(([own, other]) => ({ text, row, at: side === "source" ? own : other })),
  );
  if ("rows" in of) {
    const numbers = places.map(({ text, at }) => text.source[at] ?? -1);
    const states = gathered(of.rows, numbers, of.width);
    return new Map(layers.map((layer) => [layer, states]));
  }
  const rows = batch.map((text) => ({ tokens: fillUp(text[side], length) }));
  const taps = layers.map((layer) => placeOf(layer, "resid_post"));
  const output = await of.run({ kind: "prefill", length, rows, taps }, signal);
  const numbers = places.map(({ row, at }) => row * length + at);
  return new Map(
    layers.map((layer, index) => {
      const tap = output.taps[index];
      assert(tap, "every layer was read");
      return [layer, gathered(tap, numbers, of.architecture.hiddenSize)];
    }),
  );
}

/** Some rows of a matrix, one below the other. */
function gathered(matrix: Float32Array, rows: readonly number[], width: number): Float32Array {
  const found = new Float32Array(rows.length * width);
  for (const [at, row] of rows.entries()) {
    found.set(matrix.subarray(row * width, (row + 1) * width), at * width);
  }
  return found;
}
