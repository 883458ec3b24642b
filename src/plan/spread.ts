/** In which order cells show most of a grid soonest: its corners, then what lies half-way between, then half-way between those. */
import type { Plan, PlannedCell } from "./plan.ts";

/** How fine a grid must be to have a cell, for each cell of a plan: 0 for the ends of its axes, more for what lies between. */
export function spreadLevels({ cells }: Pick<Plan, "cells">): readonly number[] {
  const levels = cells.map(() => 0);
  for (const valueOf of AXES) {
    const values = cells.map(valueOf);
    const order = new Map([...new Set(values)].map((value, index) => [value, index]));
    for (const [cell, value] of values.entries()) {
      const level = levelOf(order.get(value) ?? 0, order.size);
      levels[cell] = Math.max(levels[cell] ?? 0, level);
    }
  }
  return levels;
}

/** Where cells differ: what varies in none of them puts all at the axis's one end. */
const AXES: readonly ((cell: PlannedCell) => string)[] = [
  ({ writes }) => writes.map(({ from }) => from.position).join(),
  ({ writes }) => writes.map(({ from }) => from.layer).join(),
  ({ writes }) => writes.map(({ to }) => to.position).join(),
  ({ writes, own }) => writes.map(({ to }) => to.layer).join() + JSON.stringify(own ?? ""),
  ({ writes }) => writes.map(({ factor }) => factor).join(),
];

/** Level 0 has both ends of an axis; each further one has what lies half-way between those before. */
function levelOf(index: number, count: number): number {
  if (index === 0 || index === count - 1) return 0;
  let level = 0;
  for (let step = 2 ** Math.ceil(Math.log2(count)); index % step !== 0; step /= 2) level++;
  return level;
}
