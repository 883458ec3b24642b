/** The tokens nearest to a vector as one line, the nearest first. */
import type { NeighbourRecord } from "../result/result.ts";
import type { Alphabet } from "./display-text.ts";
import { pieceLabels } from "./next-tokens.ts";

/** `Paris 0.41 · Lyon 0.38`: each with its cosine. */
export function neighboursLine(neighbours: readonly NeighbourRecord[], alphabet: Alphabet): string {
  const labels = pieceLabels(neighbours, alphabet);
  return neighbours
    .map(({ cosine }, rank) => `${labels[rank] ?? ""} ${cosine.toFixed(2)}`)
    .join(` ${alphabet.dot} `);
}
