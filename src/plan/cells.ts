/** Which hidden state each cell writes where: the product of the axes, or the one cell of `patches`. */
import type { SpecIssue } from "../errors.ts";
import type { Site } from "../site.ts";
import type { LayerName, PatchscopeSpec, PatchSpec } from "../spec/spec.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import {
  noEarlierLayer,
  noStateBetween,
  noSuchSiteOfEmbedding,
  positionOutOfRange,
  tooManyWrites,
} from "./errors.ts";
import type { State, Write } from "./plan.ts";
import { resolveLayer, resolveLayers, resolvePosition, resolvePositions } from "./resolve.ts";

/** A spec whose prompts are encoded; what is wrong with the rest goes to `issues`. */
export interface Resolvable {
  readonly spec: PatchscopeSpec;
  readonly model: PlanModel;
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
        const writes = together.flatMap((targetLayer) =>
          at.of(position).map((targetPosition) => {
            const target = { layer: targetLayer, position: targetPosition };
            return writeOf(spec, { layer: upon.isOwn ? targetLayer : layer, position }, target);
          }),
        );
        return upon.isOwn ? { writes, at: { layer, position } } : { writes };
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

/** The target layers of a source layer's cells; those of one cell are written together. */
function targetLayers(
  { spec, model, issues }: Resolvable,
  sources: readonly LayerName[],
): {
  readonly layers: readonly LayerName[];
  readonly perSource: number;
  readonly of: (source: LayerName) => readonly (readonly LayerName[])[];
  /** Whether each target layer gets the state of the same layer of the source. */
  readonly isOwn?: boolean;
} {
  const ref = spec.target.layer;
  if (ref === "same") return { layers: sources, perSource: 1, of: (source) => [[source]] };
  if (ref === "earlier") {
    const height = (layer: LayerName): number => (layer === "embedding" ? -1 : layer);
    const below = (source: LayerName): readonly (readonly LayerName[])[] =>
      sources.filter((layer) => height(layer) < height(source)).map((layer) => [layer]);
    if (sources.every((source) => below(source).length === 0)) {
      issues.push(noEarlierLayer(["target", "layer"]));
    }
    return { layers: sources, perSource: sources.length, of: below };
  }
  if (typeof ref === "object" && "window" in ref) {
    const { window } = ref;
    const around = (source: LayerName): readonly LayerName[] =>
      source === "embedding" ? [source] : windowAround(source, window, model.architecture.layers);
    return {
      layers: sources,
      perSource: Math.min(window, model.architecture.layers),
      of: (source) => [around(source)],
      isOwn: window > 1,
    };
  }
  const layers = resolveLayers(ref, { model, path: ["target", "layer"], issues });
  const isTogether = typeof ref === "object" && "together" in ref;
  const cells = isTogether ? [layers] : layers.map((layer) => [layer]);
  return { layers, perSource: layers.length, of: () => cells };
}

/** The target positions of a source position's cells, all written together. */
function targetPositions(
  { spec, target, issues }: Resolvable,
  sources: readonly number[],
): { readonly perSource: number; readonly of: (source: number) => readonly number[] } {
  const ref = spec.target.position;
  const path = ["target", "position"];
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
  { model, issues, ...prompts }: Resolvable,
): Place | undefined {
  const path = ["patches", index, side];
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
  { spec, model, issues }: Resolvable,
  layers: Readonly<Record<"source" | "target", readonly LayerName[]>>,
): void {
  for (const side of ["source", "target"] as const) {
    const { site } = spec[side];
    if (site === "resid_mid" && model.architecture.block !== "sequential") {
      issues.push(noStateBetween([side, "site"]));
    }
    const isResidual = site === "resid_post" || site === "resid_pre";
    if (!isResidual && layers[side].includes("embedding")) {
      issues.push(noSuchSiteOfEmbedding(site, [side, "site"]));
    }
  }
}
