/** Whether knockouts leave every token something to look at, and what cells hide; all absolute. */
import type { Resolvable } from "./cells.ts";
import { nothingToSee, tooManyEdges } from "./errors/runs.ts";
import type { HiddenPosition, Knockout, Write } from "./plan.ts";

// Each is an object in the passes of up to a thousand tokens; far more than whole paragraphs in all layers.
const MAX_EDGES = 1_000_000;

/**
 * Adds to the issues what knockouts cannot be: those of all runs beside what each cell hides, and those that a swept
 * cell has alone.
 */
export function checkKnockouts(
  knockouts: readonly Knockout[],
  hidden: readonly (readonly HiddenPosition[])[],
  swept: readonly (readonly Knockout[])[],
  resolvable: Resolvable,
): void {
  const { target, issues } = resolvable;
  const edges = [...knockouts, ...swept.flat()].reduce((sum, { layers, from, to }) => {
    const queries = from === "all" ? target.tokens.length : from.length;
    return sum + layers.length * queries * to.length;
  }, 0);
  if (edges > MAX_EDGES) return void issues.push(tooManyEdges(edges, MAX_EDGES));
  checkLeft(knockouts, hidden, resolvable);
  for (const own of swept) {
    if (issues.length > 0) return;
    if (own.some(({ keepsSelf }) => !keepsSelf))
      checkLeft([...knockouts, ...own], hidden, resolvable);
  }
}

/** A token that may not look at itself must have another one to look at, in the clean run and in every cell. */
function checkLeft(
  knockouts: readonly Knockout[],
  hidden: readonly (readonly HiddenPosition[])[],
  { targetModel: model, issues }: Resolvable,
): void {
  const { window } = model.architecture;
  const own = knockouts.filter(({ keepsSelf }) => !keepsSelf);
  const distinct = new Map([[], ...hidden].map((each) => [JSON.stringify(each), each] as const));
  for (const layer of ascending(own.flatMap((each) => each.layers))) {
    const here = knockouts.filter((each) => each.layers.includes(layer));
    const reach = window?.layers.has(layer) === true ? window.size : Infinity;
    for (const position of selfCut(own, layer)) {
      const cut = here.flatMap((each) => (cutsAt(each, position) ? each.to : []));
      const isBlind = [...distinct.values()].some((of) => {
        const unseen = of.filter(({ below }) => layer < below).map((each) => each.position);
        return !seesAny(position, reach, new Set([...cut, ...unseen]));
      });
      // One is enough to say what is wrong.
      if (isBlind) return void issues.push(nothingToSee(position, layer));
    }
  }
}

function seesAny(position: number, reach: number, cut: ReadonlySet<number>): boolean {
  const first = Math.max(0, position - reach + 1);
  return Array.from({ length: position + 1 - first }, (_, at) => first + at).some(
    (key) => !cut.has(key),
  );
}

/** Positions that may not look at themselves in a layer. */
function selfCut(own: readonly Knockout[], layer: number): readonly number[] {
  return ascending(
    own
      .filter((each) => each.layers.includes(layer))
      .flatMap(({ from, to }) => (from === "all" ? [] : from.filter((each) => to.includes(each)))),
  );
}

function cutsAt({ from }: Knockout, position: number): boolean {
  return from === "all" || from.includes(position);
}

/** What later tokens of a cell do not see where its placeholders are hidden: blocks that have not read the vector yet. */
export function hiddenBy(writes: readonly Write[]): readonly HiddenPosition[] {
  const below = new Map<number, number>();
  for (const { to } of writes) {
    const first = to.site === "resid_pre" ? to.layer : to.layer + 1;
    below.set(to.position, Math.min(below.get(to.position) ?? Infinity, first));
  }
  return [...below]
    .map(([position, first]) => ({ position, below: first }))
    .filter((each) => each.below > 0);
}

/** Each once, ascending. */
export function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
