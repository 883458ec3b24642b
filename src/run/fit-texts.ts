/** Texts as a fit takes them: cut to pieces that a pass holds, a part of them held out to measure on. */
import { tooFewTexts } from "../mapping/errors.ts";
import { chanceOf } from "./next-token.ts";

/** Longer texts are cut to pieces of this many tokens: what is near matters most, and a pass stays small. */
export const PIECE_TOKENS = 128;

const HELD_OUT_SHARE = 0.2;
/** Each is read behind every layer, with a map and without: more would take longer than fitting. */
const MAX_HELD_OUT_TOKENS = 1024;

/** Texts to fit on, and others to measure on. */
export interface FitTexts {
  readonly texts: readonly (readonly number[])[];
  readonly heldOut: readonly (readonly number[])[];
}

/**
 * Cuts texts to pieces and draws those that are held out, by the seed.
 * @param maxTokens what is left when there are more; pieces are taken in an order drawn by the seed too
 * @throws `usage` where there are fewer than two pieces
 */
export function fitTexts(
  texts: readonly (readonly number[])[],
  { seed, maxTokens }: { readonly seed: number; readonly maxTokens: number },
): FitTexts {
  return splitTexts(texts.flatMap(piecesOf), { seed, maxTokens });
}

/** Draws the pieces that are used and those that are held out, whatever a piece is beside its length in tokens. */
export function splitTexts<Piece extends { readonly length: number }>(
  pieces: readonly Piece[],
  options: { readonly seed: number; readonly maxTokens: number; readonly maxHeldOut?: number },
): { readonly texts: readonly Piece[]; readonly heldOut: readonly Piece[] } {
  const { seed, maxTokens, maxHeldOut = MAX_HELD_OUT_TOKENS } = options;
  const used = upTo(shuffledTexts(pieces, seed), maxTokens);
  if (used.length < 2) throw tooFewTexts(used.length);
  const tokens = used.reduce((sum, piece) => sum + piece.length, 0);
  const wanted = Math.min(maxHeldOut, tokens * HELD_OUT_SHARE);
  const count = Math.min(used.length - 1, upTo(used, wanted).length);
  return { heldOut: used.slice(0, count), texts: used.slice(count) };
}

function piecesOf(text: readonly number[]): (readonly number[])[] {
  const count = Math.ceil(text.length / PIECE_TOKENS);
  return Array.from({ length: count }, (_, index) =>
    text.slice(index * PIECE_TOKENS, (index + 1) * PIECE_TOKENS),
  ).filter((piece) => piece.length > 1);
}

/** The first pieces that have this many tokens together; at least one. */
function upTo<Piece extends { readonly length: number }>(
  pieces: readonly Piece[],
  tokens: number,
): readonly Piece[] {
  let sum = 0;
  const last = pieces.findIndex((piece) => (sum += piece.length) > tokens);
  return last < 0 ? pieces : pieces.slice(0, Math.max(1, last));
}

/** Texts in an order drawn by the seed. */
export function shuffledTexts<T>(items: readonly T[], seed: number): readonly T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(chanceOf(seed, i, 0) * (i + 1));
    const [a, b] = [result[i], result[j]];
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a];
  }
  return result;
}
