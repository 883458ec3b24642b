/** Whether cells say here what they say in PyTorch. */
import type { CellRecord } from "patchscopes";
import { one, type Figure } from "../figure.ts";

/** Nearer than this, in nats, two next tokens are as good as each other in float32. */
const AS_GOOD = 1e-3;

/** What a cell says: its text where it has one, else the likeliest next token. */
export function saidBy(cell: CellRecord | undefined): readonly number[] {
  return cell?.tokens ?? cell?.next.slice(0, 1).map(({ token }) => token) ?? [];
}

/** The share of cells that say the same, cells whose two likeliest first tokens are as good as each other counted as same. */
export function sameTokens(
  name: string,
  cells: readonly (CellRecord | undefined)[],
  theirs: readonly (readonly number[])[],
): Figure[] {
  if (theirs.length === 0) return [];
  const same = theirs.filter(
    (tokens, index) =>
      String(tokens) === String(saidBy(cells[index])) || isTie(cells[index], tokens),
  );
  const share = (100 * same.length) / theirs.length;
  return [
    {
      name: `${name}: cells that say what PyTorch says`,
      value: one(share),
      unit: "%",
      goal: { atLeast: 100 },
    },
  ];
}

function isTie(cell: CellRecord | undefined, [token]: readonly number[]): boolean {
  const [first, second] = cell?.next ?? [];
  if (first === undefined || second === undefined || token !== second.token) return false;
  return first.logprob - second.logprob < AS_GOOD;
}
