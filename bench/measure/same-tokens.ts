/** Whether cells say here what they say in PyTorch. */
import type { CellRecord } from "patchscopes";
import { one, type Figure } from "../figure.ts";
import type { PytorchCells } from "./pytorch-cells.ts";

/** Nearer than this, in nats, two next tokens are as good as each other in float32. */
const AS_GOOD = 1e-3;

/** What a cell says: its text where it has one, else the likeliest next token. */
function saidBy(cell: CellRecord | undefined): readonly number[] {
  return cell?.tokens ?? cell?.next.slice(0, 1).map(({ token }) => token) ?? [];
}

/** The share of cells that say the same, to where PyTorch has two tokens that are as good as each other. */
export async function sameTokens(
  name: string,
  cells: readonly (CellRecord | undefined)[],
  theirs: PytorchCells,
): Promise<Figure[]> {
  const { tokens } = theirs;
  if (tokens.length === 0) return [];
  const differing = [...tokens.keys()].flatMap((cell) => {
    const said = saidBy(cells[cell]);
    const at = tokens[cell]?.findIndex((token, step) => token !== said[step]) ?? -1;
    return at === -1 ? [] : [{ cell, at }];
  });
  const gaps = await theirs.gapsOf(differing.map(({ cell }) => cell));
  const other = differing.filter(({ at }, index) => (gaps[index]?.[at] ?? Infinity) >= AS_GOOD);
  const share = (100 * (tokens.length - other.length)) / tokens.length;
  return [
    {
      name: `${name}: cells that say what PyTorch says`,
      value: one(share),
      unit: "%",
      goal: { atLeast: 100 },
    },
  ];
}
