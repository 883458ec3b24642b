/** Which hidden state each cell writes where: the product of the axes, or the one cell of `patches`. */
import type { SpecIssue } from "../errors.ts";
import type { Site } from "../site.ts";
import type { LayerName, PatchscopeSpec, PatchSpec } from "../spec/spec.ts";
import { alignedPositions, atSameDepth } from "./cross-model.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import {
  noEarlierLayer,
  noStateBetween,
  noSuchSiteOfEmbedding,
  positionOutOfRange,
  tooManyWrites,
} from "./errors.ts";
import type { Plan, State, Write } from "./plan.ts";
import { resolveLayer, resolveLayers, resolvePosition, resolvePositions } from "./resolve.ts";

/** A spec whose prompts are encoded; what is wrong with the rest goes to `issues`. */
export interface Resolvable {
  readonly spec: PatchscopeSpec;
  readonly model: PlanModel;
  /** The same object where there is one model. */
  readonly targetModel: PlanModel;
  readonly models: Plan["models"];
  readonly source: EncodedPrompt;
  readonly target: EncodedPrompt;
  readonly issues: SpecIssue[];
}

/** What a cell writes, and the point of the sweep that it stands for where that is not what it writes. */
export interface CellWrites {
  readonly writes: readonly Write[];
  readonly at?: Place;
}

/** The writes of each cell, in the order of the axes; none of them where there are issues. */
export function writesOfCells(resolvable: Resolvable): readonly CellWrites[] {
  const { patches } = resolvable.spec;
  if (patches === undefined) return productOf(resolvable);
  return [{ writes: writesOfPatches(patches, resolvable) }];
}

// Each is an object here and a record of up to several kilobytes in the result.
const MAX_WRITES = 1_000_000;

/** A layer and a position as the result names them. */
interface Place {
  readonly layer: LayerName;
  readonly position: number;
}

/** Source position outermost, then source layer, then target layer. */
function productOf(resolvable: Resolvable): CellWrites[] {
  const { spec, model, source, issues } = resolvable;
  const path = ["source", "position"];
  const positions = resolvePositions(spec.source.position, {
    prompt: source,
    side: "source",
    path,
    issues,
  });
  const layers = resolveLayers(spec.source.layer, { model, path: ["source", "layer"], issues });
  const at = targetPositions(resolvable, positions);
  const upon = targetLayers(resolvable, layers);
  checkSites(resolvable, { source: layers, target: upon.layers });
  const count = positions.length * layers.length * upon.perSource * at.perSource;
  if (count > MAX_WRITES) issues.push(tooManyWrites(count, MAX_WRITES));
  // With issues there is no plan, and there may be more cells than can be made.
  if (issues.length > 0) return [];
  return positions.flatMap((position) =>
    layers.flatMap((layer) =>
      upon.of(layer).map((together): CellWrites => {
        const writes = together.flatMap((names) =>
          at.of(position).map((targetPosition) => {
            const target = { layer: names.target, position: targetPosition };
            return writeOf(spec, { layer: names.source, position }, target);
          }),
        );
        return upon.isWindow ? { writes, at: { layer, position } } : { writes };
      }),
    ),
  );
}

/** An entry of `0 … count - 1` and those around it, `width` in all but at the ends; of an even width one more before it. */
export function windowAround(entry: number, width: number, count: number): number[] {
  const first = Math.max(0, entry - Math.floor(width / 2));
  const end = Math.min(count, entry - Math.floor(width / 2) + width);
  return Array.from({ length: end - first }, (_, offset) => first + offset);
}

/** The pairs of layers of a source layer's cells; those of one cell are written together. */
interface TargetLayers {
  readonly layers: readonly LayerName[];
  /** At most. */
  readonly perSource: number;
  readonly of: (source: LayerName) => readonly (readonly Write["names"][])[];
  /** Whether a cell stands for its source's layer and those around it. */
  readonly isWindow?: boolean;
}

function targetLayers(resolvable: Resolvable, sources: readonly LayerName[]): TargetLayers {
  const { spec, model, targetModel, models, issues } = resolvable;
  const ref = spec.target.layer;
  const upon = (source: LayerName): LayerName => atSameDepth(source, models);
  const layers = sources.map(upon);
  if (ref === "same") {
    return { layers, perSource: 1, of: (source) => [[{ source, target: upon(source) }]] };
  }
  if (ref === "earlier") {
    const below = (source: LayerName): readonly LayerName[] => [
      ...new Set(layers.filter((layer) => height(layer) < height(upon(source)))),
    ];
    if (sources.every((source) => below(source).length === 0)) {
      issues.push(noEarlierLayer(["target", "layer"]));
    }
    const of = (source: LayerName): readonly (readonly Write["names"][])[] =>
      below(source).map((target) => [{ source, target }]);
    return { layers, perSource: sources.length, of };
  }
  if (typeof ref === "object" && "window" in ref) {
    const { window } = ref;
    const count = model.architecture.layers;
    const around = (source: LayerName): readonly LayerName[] =>
      source === "embedding" ? [source] : windowAround(source, window, count);
    return {
      layers,
      perSource: Math.min(window, count),
      of: (source) => [around(source).map((each) => ({ source: each, target: upon(each) }))],
      isWindow: window > 1,
    };
  }
  const written = resolveLayers(ref, { model: targetModel, path: ["target", "layer"], issues });
  const isTogether = typeof ref === "object" && "together" in ref;
  const cells = isTogether ? [written] : written.map((layer) => [layer]);
  return {
    layers: written,
    perSource: written.length,
    of: (source) => cells.map((cell) => cell.map((target) => ({ source, target }))),
  };
}

function height(layer: LayerName): number {
  return layer === "embedding" ? -1 : layer;
}

/** The target positions of a source position's cells, all written together. */
function targetPositions(
  resolvable: Resolvable,
  sources: readonly number[],
): { readonly perSource: number; readonly of: (source: number) => readonly number[] } {
  const { spec, target, models, issues } = resolvable;
  const ref = spec.target.position;
  const path = ["target", "position"];
  if (ref === "same" && models !== undefined) {
    const aligned = alignedPositions(resolvable, sources);
    return { perSource: 1, of: (source) => [aligned.get(source) ?? 0] };
  }
  if (ref !== "same") {
    const at = { prompt: target, side: "target", path, issues } as const;
    const positions = resolvePositions(ref, at);
    return { perSource: positions.length, of: () => positions };
  }
  const count = target.tokens.length;
  const beyond = sources.find((position) => position >= count);
  if (beyond !== undefined && count > 0) {
    issues.push(positionOutOfRange({ position: beyond, count, side: "target", path }));
  }
  return { perSource: 1, of: (source) => [source] };
}

function writesOfPatches(patches: readonly PatchSpec[], resolvable: Resolvable): Write[] {
  const { spec } = resolvable;
  const writes = patches.flatMap((patch, index) => {
    const source = placeOf(patch, { side: "source", index }, resolvable);
    const target = placeOf(patch, { side: "target", index }, resolvable);
    return source && target ? [writeOf(spec, source, target)] : [];
  });
  checkSites(resolvable, {
    source: writes.map(({ names }) => names.source),
    target: writes.map(({ names }) => names.target),
  });
  return writes;
}

function placeOf(
  patch: PatchSpec,
  { side, index }: { readonly side: "source" | "target"; readonly index: number },
  { model: sourceModel, targetModel, issues, ...prompts }: Resolvable,
): Place | undefined {
  const path = ["patches", index, side];
  const model = side === "source" ? sourceModel : targetModel;
  const ref = patch[side];
  const layer = resolveLayer(ref.layer, { model, path: [...path, "layer"], issues });
  const position = resolvePosition(ref.position, {
    prompt: prompts[side],
    side,
    path: [...path, "position"],
    issues,
  });
  return layer === undefined || position === undefined ? undefined : { layer, position };
}

function writeOf(spec: PatchscopeSpec, source: Place, target: Place): Write {
  return {
    from: stateOf(spec.source.site, source),
    to: stateOf(spec.target.site, target),
    names: { source: source.layer, target: target.layer },
  };
}

/** The embedding is what block 0 reads. */
function stateOf(site: Site, { layer, position }: Place): State {
  return layer === "embedding"
    ? { site: "resid_pre", layer: 0, position }
    : { site, layer, position };
}

/** The embedding is a state of the residual stream: at other sites there is none. Parallel blocks have no middle. */
function checkSites(
  { spec, model: sourceModel, targetModel, issues }: Resolvable,
  layers: Readonly<Record<"source" | "target", readonly LayerName[]>>,
): void {
  for (const side of ["source", "target"] as const) {
    const { site } = spec[side];
    const model = side === "source" ? sourceModel : targetModel;
    if (site === "resid_mid" && model.architecture.block !== "sequential") {
      issues.push(noStateBetween([side, "site"]));
    }
    const isResidual = site === "resid_post" || site === "resid_pre";
    if (!isResidual && layers[side].includes("embedding")) {
      issues.push(noSuchSiteOfEmbedding(site, [side, "site"]));
    }
  }
}
