/** Which hidden state each cell writes where: the product of the axes, or the one cell of `patches`. */
import type { SpecIssue } from "../errors.ts";
import type { Site } from "../site.ts";
import type { LayerName, PatchscopeSpec, PatchSpec } from "../spec/spec.ts";
import { alignedPositions, atSameDepth } from "./cross-model.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import {
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

/** The writes of each cell, in the order of the axes; none of them where there are issues. */
export function writesOfCells(resolvable: Resolvable): readonly (readonly Write[])[] {
  const { patches } = resolvable.spec;
  return patches === undefined ? productOf(resolvable) : [writesOfPatches(patches, resolvable)];
}

// Each is an object here and a record of up to several kilobytes in the result.
const MAX_WRITES = 1_000_000;

/** A layer and a position as the result names them. */
interface Place {
  readonly layer: LayerName;
  readonly position: number;
}

/** Source position outermost, then source layer, then target layer. */
function productOf(resolvable: Resolvable): Write[][] {
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
      upon.of(layer).map((together) =>
        together.flatMap((targetLayer) =>
          at.of(position).map((targetPosition) => {
            const target = { layer: targetLayer, position: targetPosition };
            return writeOf(spec, { layer, position }, target);
          }),
        ),
      ),
    ),
  );
}

/** The target layers of a source layer's cells; those of one cell are written together. */
function targetLayers(
  { spec, targetModel: model, models, issues }: Resolvable,
  sources: readonly LayerName[],
): {
  readonly layers: readonly LayerName[];
  readonly perSource: number;
  readonly of: (source: LayerName) => readonly (readonly LayerName[])[];
} {
  const ref = spec.target.layer;
  if (ref === "same") {
    const upon = (source: LayerName): LayerName => atSameDepth(source, models);
    return { layers: sources.map(upon), perSource: 1, of: (source) => [[upon(source)]] };
  }
  const layers = resolveLayers(ref, { model, path: ["target", "layer"], issues });
  const isTogether = typeof ref === "object" && "together" in ref;
  const cells = isTogether ? [layers] : layers.map((layer) => [layer]);
  return { layers, perSource: layers.length, of: () => cells };
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
