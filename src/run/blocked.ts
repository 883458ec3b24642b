/** Which looks of attention do not happen in a run of the target: those that the plan knocks out, and those at what a row hides. */
import type { Edge } from "../engine/engine.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";

/** What is blocked in a row depends on where it enters and what it hides. */
export type BlockedRow = Pick<PlannedCell, "entry" | "hidden" | "own">;

/** The clean run of the target. */
export const CLEAN_ROW: BlockedRow = { entry: 0, hidden: [] };

/** The blocked edges of rows that begin at position `from` of the target. */
export function blockedEdges(
  plan: Pick<Plan, "knockouts">,
  rows: readonly BlockedRow[],
  { from, length }: { readonly from: number; readonly length: number },
): readonly Edge[] {
  if (isNothingBlocked(plan, rows)) return [];
  return rows.flatMap((of, row) =>
    Array.from({ length }, (_, offset) =>
      looksOf(plan, of, from + offset).map((look): Edge => ({ ...look, row, from: offset })),
    ).flat(),
  );
}

/** The same for one generated token of each row, at this position. */
export function blockedLooks(
  plan: Pick<Plan, "knockouts">,
  rows: readonly Omit<BlockedRow, "entry">[],
  position: number,
): readonly Omit<Edge, "from">[] {
  if (isNothingBlocked(plan, rows)) return [];
  return rows.flatMap((of, row) =>
    looksOf(plan, { ...of, entry: 0 }, position).map((look) => ({ ...look, row })),
  );
}

/** As in almost every run: then no token of it needs a look. */
function isNothingBlocked(
  { knockouts }: Pick<Plan, "knockouts">,
  rows: readonly Omit<BlockedRow, "entry">[],
): boolean {
  const isFree = ({ hidden, own }: Omit<BlockedRow, "entry">): boolean =>
    hidden.length === 0 && (own === undefined || own.knockouts.length === 0);
  return knockouts.length === 0 && rows.every(isFree);
}

/** What the token at a position may not look at, in blocks from the row's entry on. */
function looksOf(
  { knockouts }: Pick<Plan, "knockouts">,
  { entry, hidden, own }: BlockedRow,
  position: number,
): readonly Pick<Edge, "layer" | "to">[] {
  const cut = [...knockouts, ...(own?.knockouts ?? [])]
    .filter(({ from }) => from === "all" || from.includes(position))
    .flatMap(({ layers, to, keepsSelf }) => {
      const keys = to.filter((key) => key < position || (key === position && !keepsSelf));
      return layers.flatMap((layer) => keys.map((key) => ({ layer, to: key })));
    });
  const unseen = hidden
    .filter((of) => of.position < position)
    .flatMap((of) => Array.from({ length: of.below }, (_, layer) => ({ layer, to: of.position })));
  return [...cut, ...unseen].filter(({ layer }) => layer >= entry);
}
