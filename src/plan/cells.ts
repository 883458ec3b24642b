/** Which hidden state each cell writes where: the product of the axes, or the one cell of `patches`. */
import type { SpecIssue } from "../errors.ts";
import type { Site } from "../site.ts";
import type { LayerName, PatchscopeSpec, PatchSpec } from "../spec/spec.ts";
import { layerPairs, positionPairs, type Pair } from "./cell-pairs.ts";
import type { EncodedPrompt, PlanModel } from "./encode-prompt.ts";
import { noStateBetween, noSuchSiteOfEmbedding } from "./errors/references.ts";
import { tooManyWrites } from "./errors/runs.ts";
import type { Plan, State, Write } from "./plan.ts";
import { resolveLayer, resolvePosition } from "./resolve.ts";
import { checkInFile, fileLayers, sourceSite, type PlannedVectors } from "./vectors.ts";

/** A spec whose prompts are encoded; what is wrong with the rest goes to `issues`. */
export interface Resolvable {
  readonly spec: PatchscopeSpec;
  readonly model: PlanModel;
  /** The same object where there is one model. */
  readonly targetModel: PlanModel;
  readonly models: Plan["models"];
  readonly source: EncodedPrompt;
  readonly target: EncodedPrompt;
  /** What is known of the file that the source's vectors come from, where they come from one. */
  readonly vectors: PlannedVectors | undefined;
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
  const cells =
    patches === undefined
      ? productOf(resolvable)
      : [{ writes: writesOfPatches(patches, resolvable) }];
  const factors = factorsOf(resolvable.spec);
  if (factors === undefined) return cells;
  const count = cells.reduce((sum, { writes }) => sum + writes.length, 0) * factors.length;
  if (count > MAX_WRITES) {
    resolvable.issues.push(tooManyWrites(count, MAX_WRITES));
    return [];
  }
  return cells.flatMap((cell) =>
    factors.map((factor) => ({
      ...cell,
      writes: cell.writes.map((write) => ({ ...write, factor })),
    })),
  );
}

/** The axis of factors, where the mapping has one. */
function factorsOf({ mapping }: PatchscopeSpec): readonly number[] | undefined {
  return [mapping]
    .flat()
    .flatMap((step) =>
      step.kind === "scale" && typeof step.factor === "object" ? [step.factor] : [],
    )
    .at(0);
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
  const { issues } = resolvable;
  const positions = positionPairs(resolvable);
  const layers = layerPairs(resolvable);
  checkSites(resolvable, layers);
  const count = positions.cells * positions.perCell * layers.cells * layers.perCell;
  if (count > MAX_WRITES) issues.push(tooManyWrites(count, MAX_WRITES));
  // With issues there is no plan, and there may be more cells than can be made.
  if (issues.length > 0) return [];
  const site = sourceSite(resolvable.spec, resolvable.vectors, issues);
  const byLayers = layers.make();
  return positions.make().flatMap((places) =>
    byLayers.map((together, index): CellWrites => {
      const writes = together.flatMap((layer) =>
        places.map((position) => writeOf(resolvable, site, layer, position)),
      );
      const [layer, position] = [layers.centres?.[index], places[0]?.source];
      const isPoint = layer !== undefined && position !== undefined;
      return isPoint ? { writes, at: { layer, position } } : { writes };
    }),
  );
}

function writesOfPatches(patches: readonly PatchSpec[], resolvable: Resolvable): Write[] {
  const site = sourceSite(resolvable.spec, resolvable.vectors, resolvable.issues);
  const writes = patches.flatMap((patch, index) => {
    const source = placeOf(patch, { side: "source", index }, resolvable);
    const target = placeOf(patch, { side: "target", index }, resolvable);
    if (source === undefined || target === undefined) return [];
    const layer = { source: source.layer, target: target.layer };
    const position = { source: source.position, target: target.position };
    return [writeOf(resolvable, site, layer, position)];
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
  { model: sourceModel, targetModel, issues, vectors, ...prompts }: Resolvable,
): Place | undefined {
  const path = ["patches", index, side];
  const model = side === "source" ? sourceModel : targetModel;
  const ref = patch[side];
  const at = { path: [...path, "layer"], issues };
  const layer = resolveLayer(ref.layer, { model, ...at });
  if (side === "source" && layer !== undefined && vectors?.layerCount !== undefined) {
    checkInFile([layer], fileLayers(vectors, model, at), at);
  }
  const position = resolvePosition(ref.position, {
    prompt: prompts[side],
    side,
    path: [...path, "position"],
    issues,
  });
  return layer === undefined || position === undefined ? undefined : { layer, position };
}

function writeOf(
  { spec }: Resolvable,
  site: Site,
  layer: Pair<LayerName>,
  position: Pair<number>,
): Write {
  return {
    from: stateOf(site, { layer: layer.source, position: position.source }),
    to: stateOf(spec.target.site, { layer: layer.target, position: position.target }),
    names: layer,
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
  layers: Pair<readonly LayerName[]>,
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
