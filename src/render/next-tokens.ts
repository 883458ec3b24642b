/** The candidates for the next token as one line, the most probable first. */
import type { NextToken } from "../result/result.ts";
import { readable } from "./display-text.ts";
import type { Alphabet } from "./display-text.ts";
import { probabilityLabel } from "./figures.ts";

/** Less probable ones are noise beside the others, and stay out of tables. */
const MIN_PROBABILITY = 0.001;

/** `Paris 77% · the 6.5%`. The first is always there. */
export function nextTokensLine(next: readonly NextToken[], alphabet: Alphabet): string {
  const shown = next.filter(
    ({ logprob }, rank) => rank === 0 || Math.exp(logprob) >= MIN_PROBABILITY,
  );
  const labels = pieceLabels(shown, alphabet);
  return shown
    .map(({ logprob }, rank) => {
      const probability = Math.exp(logprob);
      return `${labels[rank] ?? ""} ${probabilityLabel([probability, probability], alphabet)}`;
    })
    .join(` ${alphabet.dot} `);
}

/** Tells pieces apart that differ in the leading space only; elsewhere that space is noise. */
export function pieceLabels(
  next: readonly Pick<NextToken, "piece">[],
  alphabet: Alphabet,
): readonly string[] {
  return next.map(({ piece }) => {
    const bare = withoutSpace(piece);
    const isAmbiguous = next.some(
      (other) => other.piece !== piece && withoutSpace(other.piece) === bare,
    );
    const space = isAmbiguous && bare !== piece && bare !== "" ? alphabet.space : "";
    return `${space}${readable(piece, alphabet)}`;
  });
}

function withoutSpace(piece: string): string {
  return piece.startsWith(" ") ? piece.slice(1) : piece;
}
