/**
 * Interventions → what is done to every run of the target, and what to single cells: a swept intervention is one cell for each
 * of its points. Whether knockouts leave something to look at is for `knockouts.ts`.
 */
import type { SpecIssue } from "../errors.ts";
import type { AblationSpec, KnockoutSpec, LayerRef, PositionRef } from "../spec/spec.ts";
import { windowAround } from "./cell-pairs.ts";
import type { Resolvable } from "./cells.ts";
import { encodePrompt } from "./encode-prompt.ts";
import { needsTokenizer } from "./errors/prompts.ts";
import { tooManyWrites } from "./errors/runs.ts";
import { ascending } from "./knockouts.ts";
import type {
  Ablation,
  Knockout,
  OwnInterventions,
  Plan,
  PlannedCell,
  PlannedNoise,
  PlannedSoftPrompt,
} from "./plan.ts";
import { resolveLayers, resolvePositions } from "./resolve.ts";
import { checkSoftPrompts, planSoftPrompt } from "./soft-prompts.ts";
import type { VectorFiles } from "./vectors.ts";

/** What one cell of a sweep has alone, and the point that it stands for. */
export interface SweepPoint {
  readonly own?: OwnInterventions;
  readonly at?: NonNullable<PlannedCell["at"]>;
}

export interface PlannedInterventions {
  readonly knockouts: readonly Knockout[];
  readonly ablations: readonly Ablation[];
  readonly noise: PlannedNoise | undefined;
  readonly softPrompts: readonly PlannedSoftPrompt[];
  /** One that changes nothing where nothing is swept. */
  readonly points: readonly SweepPoint[];
}

// As for writes: each can be a patch.
const MAX_ABLATED = 1_000_000;
// Each is a cell of the result.
const MAX_POINTS = 1_000_000;

/** The interventions of a spec; what is wrong with them goes to the issues. */
export function planInterventions(
  resolvable: Resolvable,
  files: VectorFiles | undefined,
): PlannedInterventions {
  const { spec, issues } = resolvable;
  const ablations: Ablation[] = [];
  const knockouts: Knockout[] = [];
  const softPrompts: PlannedSoftPrompt[] = [];
  let points: readonly SweepPoint[] = [{}];
  let noise: PlannedNoise | undefined;
  for (const [index, each] of spec.interventions.entries()) {
    const at = new Places(resolvable, index);
    if (each.kind === "noise") {
      const { scale, samples } = each;
      noise = { positions: ascending(at.positions(each.positions, "positions")), scale, samples };
    } else if (each.kind === "ablation") {
      const planned = planAblation(each, at);
      if (each.sweep === undefined) ablations.push(planned.whole);
      else points = planned.points;
    } else if (each.kind === "soft-prompt") {
      softPrompts.push(planSoftPrompt(each, { index, files, resolvable }));
    } else {
      const planned = planKnockout(each, at);
      if (each.sweep === undefined) knockouts.push(planned.whole);
      else points = planned.points;
    }
  }
  const own = points.flatMap((point) => point.own?.ablations ?? []);
  const count = [...ablations, ...own].reduce(
    (sum, { layers, positions }) => sum + layers.length * positions.length,
    0,
  );
  if (count > MAX_ABLATED) issues.push(tooManyWrites(count, MAX_ABLATED));
  checkSoftPrompts(softPrompts, resolvable);
  return { knockouts, ablations, noise, softPrompts, points };
}

/** The sentences whose states' mean some ablation is with, as tokens: those of the controls. */
export function meanSentences(
  resolvable: Resolvable,
  unrelated: readonly string[],
): Plan["meanSentences"] {
  const { spec, targetModel: model, issues } = resolvable;
  const index = spec.interventions.findIndex(
    (each) => each.kind === "ablation" && each.with === "mean",
  );
  if (index < 0) return [];
  const path = ["interventions", index, "with"];
  if (model.tokenizer === undefined) {
    issues.push(needsTokenizer("the mean of unrelated sentences", "Use with: zero.", path));
    return [];
  }
  const control = spec.controls.find((each) => each.kind === "unrelated");
  const sentences = control?.kind === "unrelated" ? control.prompts : undefined;
  return (sentences ?? unrelated).map(
    (prompt) => encodePrompt({ prompt }, model, { path, issues }).tokens,
  );
}

/** Where references of one intervention are resolved, and where what is wrong with them goes. */
class Places {
  readonly #resolvable: Resolvable;
  readonly #path: SpecIssue["path"];

  constructor(resolvable: Resolvable, index: number) {
    this.#resolvable = resolvable;
    this.#path = ["interventions", index];
  }

  /** In the order of the reference. */
  positions(ref: PositionRef, field: string): number[] {
    const { target, issues } = this.#resolvable;
    const path = [...this.#path, field];
    return resolvePositions(ref, { prompt: target, side: "target", path, issues });
  }

  layers(ref: LayerRef): number[] {
    const { targetModel: model, issues } = this.#resolvable;
    const layers = resolveLayers(ref, { model, path: [...this.#path, "layers"], issues });
    return layers.filter((layer) => layer !== "embedding");
  }

  /** The points of a swept field; one that stands for the whole of a field that is not swept. */
  windows(
    entries: readonly number[],
    width: number | undefined,
    of: "tokens" | "layers",
  ): readonly (Window | undefined)[] {
    const { target, targetModel } = this.#resolvable;
    const count = of === "layers" ? targetModel.architecture.layers : target.tokens.length;
    if (width === undefined) return [undefined];
    return entries.map((entry) => ({ entry, around: windowAround(entry, width, count) }));
  }

  /** The product of points; too many of them are an issue. */
  product(
    ...axes: readonly (readonly (Window | undefined)[])[]
  ): (readonly (Window | undefined)[])[] {
    const count = axes.reduce((product, { length }) => product * length, 1);
    if (count > MAX_POINTS) {
      this.#resolvable.issues.push(tooManyWrites(count, MAX_POINTS));
      return [];
    }
    return axes.reduce<(Window | undefined)[][]>(
      (points, axis) => points.flatMap((point) => axis.map((each) => [...point, each])),
      [[]],
    );
  }
}

/** A point of a swept field: an entry, and those around it. */
interface Window {
  readonly entry: number;
  readonly around: readonly number[];
}

/** Positions outermost, as in the product of the axes. */
function planAblation(each: AblationSpec, at: Places): { whole: Ablation; points: SweepPoint[] } {
  const [positions, layers] = [at.positions(each.positions, "positions"), at.layers(each.layers)];
  const { site, sweep } = each;
  const ablation = (on: Pick<Ablation, "positions" | "layers">): Ablation => ({
    ...on,
    site,
    with: each.with,
  });
  const whole = ablation({ positions: ascending(positions), layers: ascending(layers) });
  if (sweep === undefined) return { whole, points: [] };
  const axes = [
    at.windows(positions, sweep.positions, "tokens"),
    at.windows(layers, sweep.layers, "layers"),
  ];
  const points = at.product(...axes).map(([position, layer]) => ({
    own: {
      knockouts: [],
      ablations: [
        ablation({
          positions: position?.around ?? whole.positions,
          layers: layer?.around ?? whole.layers,
        }),
      ],
    },
    at: pointAt(layer, position),
  }));
  return { whole, points };
}

/** Those that look outermost, then those that are looked at, then layers. */
function planKnockout(each: KnockoutSpec, at: Places): { whole: Knockout; points: SweepPoint[] } {
  const [to, layers] = [at.positions(each.to, "to"), at.layers(each.layers)];
  const from = each.from === "all" ? undefined : at.positions(each.from, "from");
  const { sweep } = each;
  const whole: Knockout = {
    layers: ascending(layers),
    from: from === undefined ? "all" : ascending(from),
    to: ascending(to),
    keepsSelf: each.from === "all" || each.to === "all",
  };
  if (sweep === undefined) return { whole, points: [] };
  const axes = [
    at.windows(from ?? at.positions("all", "from"), sweep.from, "tokens"),
    at.windows(to, sweep.to, "tokens"),
    at.windows(layers, sweep.layers, "layers"),
  ];
  const points = at.product(...axes).map(([looking, seen, layer]) => ({
    own: {
      knockouts: [
        {
          ...whole,
          from: looking?.around ?? whole.from,
          to: seen?.around ?? whole.to,
          layers: layer?.around ?? whole.layers,
        },
      ],
      ablations: [],
    },
    at: pointAt(layer, seen ?? looking),
  }));
  return { whole, points };
}

function pointAt(
  layer: Window | undefined,
  position: Window | undefined,
): NonNullable<PlannedCell["at"]> {
  return {
    ...(layer && { layer: layer.entry }),
    ...(position && { position: position.entry }),
  };
}
