/**
 * Which place of the source goes to which of the target: pairs of layers and pairs of positions, each list of them a cell.
 * Counted before they are made, since lists of layers and positions may be long.
 */
import type { LayerName, LayersTogether, LayerWindow, TargetSpec } from "../spec/spec.ts";
import type { Resolvable } from "./cells.ts";
import { alignedPositions, atSameDepth } from "./cross-model.ts";
import { noEarlierLayer, notOneToOne, positionOutOfRange } from "./errors/references.ts";
import { resolveLayers, resolvePositions } from "./resolve.ts";
import { sourceLayers } from "./vectors.ts";

/** Something of both sides. */
export interface Pair<T> {
  readonly source: T;
  readonly target: T;
}

/** The pairs of all cells, and how many of them there are. */
interface Pairs<T> {
  readonly cells: number;
  readonly perCell: number;
  readonly make: () => readonly (readonly Pair<T>[])[];
}

/** Pairs of layers, and which are there at all. */
interface LayerPairs extends Pairs<LayerName>, Pair<readonly LayerName[]> {
  /** The layer that each cell stands for, where a cell is a window around one. */
  readonly centres?: readonly LayerName[];
}

/** The layers of each cell: source layers outermost. */
export function layerPairs(resolvable: Resolvable): LayerPairs {
  const { spec, model, targetModel, models, vectors, issues } = resolvable;
  const to = { model: targetModel, path: ["target", "layer"], issues };
  const ref = spec.target.layer;
  const sources = sourceLayers(spec.source.layer, vectors, {
    model,
    path: ["source", "layer"],
    issues,
  });
  const upon = (layer: LayerName): LayerName => atSameDepth(layer, models);
  // A vector that is of no layer is of whichever it is written at.
  const isOwn = ref === "same" || ref === "earlier" || isWindow(ref);
  const targets = isOwn ? (sources?.map(upon) ?? resolveLayers("all", to)) : resolveLayers(ref, to);
  const sides = { source: sources ?? targets, target: targets };
  if (isTogether(spec.source.layer)) {
    const isZipped = ref === "same" || (isTogether(ref) && targets.length === sides.source.length);
    if (!isZipped) {
      const count = { source: sides.source.length, target: targets.length };
      issues.push(notOneToOne({ what: "layers", ...count, path: ["target", "layer"] }));
    }
    return { ...sides, ...oneCell(sides.source, targets) };
  }
  if (ref === "earlier") return { ...sides, ...earlierPairs(sides, resolvable) };
  if (isWindow(ref)) {
    const count = model.architecture.layers;
    return { ...sides, ...windowPairs(sides.source, { window: ref.window, count, upon }) };
  }
  if (sources === undefined || ref === "same") {
    const pairs = isTogether(ref) ? oneCell(targets, targets) : oneByOne(sides.source, targets);
    return { ...sides, ...pairs };
  }
  return { ...sides, ...product(sources, targets, isTogether(ref)) };
}

type Layers = TargetSpec["layer"];

function isTogether(ref: Layers): ref is LayersTogether {
  return typeof ref === "object" && "together" in ref;
}

function isWindow(ref: Layers): ref is LayerWindow {
  return typeof ref === "object" && "window" in ref;
}

/** Each source layer with each of the others that is below it. */
function earlierPairs(
  { source, target }: Pair<readonly LayerName[]>,
  { issues }: Pick<Resolvable, "issues">,
): Pairs<LayerName> {
  const height = (layer: LayerName): number => (layer === "embedding" ? -1 : layer);
  const pairs = source.flatMap((from, index) => {
    const own = height(target[index] ?? from);
    const below = [...new Set(target.filter((layer) => height(layer) < own))];
    return below.map((to) => [{ source: from, target: to }]);
  });
  if (pairs.length === 0) issues.push(noEarlierLayer(["target", "layer"]));
  return { cells: pairs.length, perCell: 1, make: () => pairs };
}

/** For each source layer, it and those around it, each with its own. */
function windowPairs(
  sources: readonly LayerName[],
  {
    window,
    count,
    upon,
  }: {
    readonly window: number;
    readonly count: number;
    readonly upon: (layer: LayerName) => LayerName;
  },
): Pairs<LayerName> & Pick<LayerPairs, "centres"> {
  const around = (layer: LayerName): readonly LayerName[] =>
    layer === "embedding" ? [layer] : windowAround(layer, window, count);
  return {
    cells: sources.length,
    perCell: Math.min(window, count),
    make: () =>
      sources.map((layer) => around(layer).map((each) => ({ source: each, target: upon(each) }))),
    ...(window > 1 && { centres: sources }),
  };
}

/** An entry of `0 … count - 1` and those around it, `width` in all but at the ends; of an even width one more before it. */
export function windowAround(entry: number, width: number, count: number): number[] {
  const first = Math.max(0, entry - Math.floor(width / 2));
  const end = Math.min(count, entry - Math.floor(width / 2) + width);
  return Array.from({ length: end - first }, (_, offset) => first + offset);
}

/** The positions of each cell: source positions outermost, each written at all of the target's, or one to one. */
export function positionPairs(resolvable: Resolvable): Pairs<number> {
  const { spec, source, issues } = resolvable;
  const { position } = spec.source;
  const path = ["source", "position"];
  const at = { prompt: source, side: "source", path, issues } as const;
  const isSlice = typeof position === "object" && "together" in position;
  const sources = resolvePositions(isSlice ? position.together : position, at);
  const targets = targetPositions(resolvable, sources);
  if (isSlice) {
    if (sources.length !== targets.length && sources.length > 0) {
      const count = { source: sources.length, target: targets.length };
      issues.push(notOneToOne({ what: "positions", ...count, path: ["target", "position"] }));
    }
    return oneCell(sources, targets);
  }
  return spec.target.position === "same"
    ? oneByOne(sources, targets)
    : product(sources, targets, true);
}

function targetPositions(resolvable: Resolvable, sources: readonly number[]): readonly number[] {
  const { spec, source, target, models, issues } = resolvable;
  const ref = spec.target.position;
  const path = ["target", "position"];
  if (typeof ref === "object" && "marker" in ref) return target.marked ?? [];
  if (ref !== "same") {
    return resolvePositions(ref, { prompt: target, side: "target", path, issues });
  }
  if (models !== undefined) {
    const aligned = alignedPositions(resolvable, sources);
    return sources.map((position) => aligned.get(position) ?? 0);
  }
  const count = target.tokens.length;
  // The same number, counted from the padding on where there is any.
  const shift = (source.unseenPadding ?? 0) - (target.unseenPadding ?? 0);
  const places = sources.map((position) => position + shift);
  const beyond = places.find((position) => position < 0 || position >= count);
  if (beyond !== undefined && count > 0) {
    issues.push(positionOutOfRange({ position: beyond, count, side: "target", path }));
  }
  return places;
}

/** All pairs in one cell. */
function oneCell<T>(sources: readonly T[], targets: readonly T[]): Pairs<T> {
  return { cells: 1, perCell: sources.length, make: () => [zipped(sources, targets)] };
}

/** A cell for each pair. */
function oneByOne<T>(sources: readonly T[], targets: readonly T[]): Pairs<T> {
  return {
    cells: sources.length,
    perCell: 1,
    make: () => zipped(sources, targets).map((pair) => [pair]),
  };
}

/** Every source with every target; `together` puts those of one source into one cell. */
function product<T>(sources: readonly T[], targets: readonly T[], together: boolean): Pairs<T> {
  const count = sources.length * targets.length;
  return {
    cells: together ? sources.length : count,
    perCell: together ? targets.length : 1,
    make: () =>
      sources.flatMap((source) => {
        const pairs = targets.map((target) => ({ source, target }));
        return together ? [pairs] : pairs.map((pair) => [pair]);
      }),
  };
}

function zipped<T>(sources: readonly T[], targets: readonly T[]): Pair<T>[] {
  return sources.flatMap((source, index) => {
    const target = targets[index];
    return target === undefined ? [] : [{ source, target }];
  });
}
