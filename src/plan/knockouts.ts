/** Interventions → which tokens of the target may not look at which, in which layers; all absolute. */
import type { InterventionSpec } from "../spec/spec.ts";
import type { Resolvable } from "./cells.ts";
import { nothingToSee, tooManyEdges } from "./errors.ts";
import type { HiddenPosition, Knockout, Write } from "./plan.ts";
import { resolveLayers, resolvePositions } from "./resolve.ts";

// Each is an object in the passes of up to a thousand tokens; far more than whole paragraphs in all layers.
const MAX_EDGES = 1_000_000;

/** The knockouts of a spec, beside what each cell hides; what is wrong with them goes to the issues. */
export function planKnockouts(
  resolvable: Resolvable,
  hidden: readonly (readonly HiddenPosition[])[],
): readonly Knockout[] {
  const { spec, target, issues } = resolvable;
  const knockouts = spec.interventions.map((each, index) => knockoutOf(each, index, resolvable));
  const edges = knockouts.reduce((sum, { layers, from, to }) => {
    const queries = from === "all" ? target.tokens.length : from.length;
    return sum + layers.length * queries * to.length;
  }, 0);
  if (edges > MAX_EDGES) issues.push(tooManyEdges(edges, MAX_EDGES));
  else checkLeft(knockouts, hidden, resolvable);
  return knockouts;
}

function knockoutOf(
  { from, to, layers }: InterventionSpec,
  index: number,
  { targetModel: model, target, issues }: Resolvable,
): Knockout {
  const at = (field: "from" | "to") =>
    ({ prompt: target, side: "target", path: ["interventions", index, field], issues }) as const;
  const blocks = resolveLayers(layers, { model, path: ["interventions", index, "layers"], issues });
  return {
    layers: ascending(blocks.filter((layer) => layer !== "embedding")),
    from: from === "all" ? "all" : ascending(resolvePositions(from, at("from"))),
    to: ascending(resolvePositions(to, at("to"))),
    keepsSelf: from === "all" || to === "all",
  };
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

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
