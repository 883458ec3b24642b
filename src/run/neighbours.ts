/**
 * The rows of a vocabulary's matrix that lie nearest to some vectors. Rows are read in pieces as they are stored, so a
 * matrix of any size takes little memory.
 */
import type { WeightTensor } from "../engine/architecture.ts";
import { passAborted } from "../engine/errors.ts";
import { assert } from "../errors.ts";
import { normOf } from "../mapping/mapping.ts";

/** A token by the row of the matrix that is its own. */
export interface Neighbour {
  readonly token: number;
  readonly cosine: number;
  /** Of vector and row as they are. */
  readonly dot: number;
}

export interface NeighbourSearch {
  readonly topK: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of all rows that has been looked at. */
  readonly onRows?: ((share: number) => void) | undefined;
}

/** Numbers of a piece: 4 MiB as float32. */
const PIECE_NUMBERS = 2 ** 20;

/** For each vector, `[hidden]`, the rows with the largest cosine, nearest first; equal ones in the order of their tokens. */
export async function nearestRows(
  vectors: readonly Float32Array[],
  matrix: WeightTensor,
  { topK, signal, onRows }: NeighbourSearch,
): Promise<Neighbour[][]> {
  const [count = 0, width = 0] = matrix.shape;
  const read = await pieceReader(matrix);
  const norms = vectors.map(normOf);
  const nearest = vectors.map((): Neighbour[] => []);
  const atOnce = Math.max(1, Math.floor(PIECE_NUMBERS / width));
  const piece = new Float32Array(Math.min(atOnce, count) * width);
  for (let from = 0; from < count; from += atOnce) {
    if (signal?.aborted === true) throw passAborted(signal.reason);
    const rows = Math.min(atOnce, count - from);
    await read(from, rows, piece);
    for (let row = 0; row < rows; row++) {
      const at = piece.subarray(row * width, (row + 1) * width);
      const length = normOf(at);
      for (const [index, vector] of vectors.entries()) {
        const dot = dotOf(vector, at);
        const norm = length * (norms[index] ?? 0);
        keep(nearest[index], { token: from + row, cosine: norm === 0 ? 0 : dot / norm, dot }, topK);
      }
    }
    onRows?.((from + rows) / count);
  }
  return nearest;
}

/** Writes `count` rows from row `from` on as float32. */
type PieceReader = (from: number, count: number, out: Float32Array) => Promise<void>;

async function pieceReader(matrix: WeightTensor): Promise<PieceReader> {
  if (matrix.rows !== undefined) return matrix.rows.bind(matrix);
  const width = matrix.shape[1] ?? 0;
  const readRow = await matrix.rowReader();
  return async (from, count, out) => {
    for (let row = 0; row < count; row++) readRow(from + row, out, row * width);
  };
}

function dotOf(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** Puts a row in its place among the nearest ones, where it is one of them. */
function keep(nearest: Neighbour[] | undefined, row: Neighbour, topK: number): void {
  assert(nearest, "every vector has its list");
  const last = nearest.at(-1);
  if (nearest.length === topK && last !== undefined && row.cosine <= last.cosine) return;
  let at = nearest.length;
  while (at > 0 && (nearest[at - 1]?.cosine ?? Infinity) < row.cosine) at -= 1;
  nearest.splice(at, 0, row);
  if (nearest.length > topK) nearest.pop();
}
