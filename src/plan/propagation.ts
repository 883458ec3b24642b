/** Where the read-out `propagation` compares a patched run with the clean one, and whether that is more than a result can hold. */
import type { SpecIssue } from "../errors.ts";
import { entryOf } from "./entry.ts";
import { tooManyComparisons } from "./errors/runs.ts";
import type { Plan, PlannedCell } from "./plan.ts";

// Each is three numbers of a result: some 60 bytes as JSON.
const MAX_COMPARISONS = 2_000_000;

/** The blocks behind which a cell's states can differ from the clean run's: from the one whose output is overwritten on. */
export function comparedLayers(
  { shape }: Pick<Plan, "shape">,
  { entry, hidden, writes }: PlannedCell,
): readonly number[] {
  const isWrittenBelow =
    hidden.length === 0 &&
    entry > 0 &&
    writes.some(
      ({ to }) => entryOf(to) === entry && (to.site === "resid_post" || to.site === "resid_pre"),
    );
  const first = isWrittenBelow ? entry - 1 : entry;
  return Array.from({ length: shape.layers - first }, (_, index) => first + index);
}

/** Refuses what is too large to be looked at, let alone kept. */
export function checkComparisons(
  plan: Pick<Plan, "shape" | "target" | "read">,
  cells: readonly PlannedCell[],
): readonly SpecIssue[] {
  if (plan.read.kind !== "propagation") return [];
  const count = cells.reduce(
    (sum, cell) =>
      sum + comparedLayers(plan, cell).length * (plan.target.tokens.length - cell.from),
    0,
  );
  return count > MAX_COMPARISONS ? [tooManyComparisons(count, MAX_COMPARISONS)] : [];
}
