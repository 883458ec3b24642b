/** Which layers a mapping has maps of: what is read where nobody says which. */
import type { FittedMapping, MappedLayer } from "../mapping/fitted-mapping.ts";
import type { PresetName } from "../spec/presets/presets.ts";
import type { LayerRef, TargetSpec } from "../spec/spec.ts";

interface Layers {
  readonly layers?: LayerRef | undefined;
  readonly targetLayer?: TargetSpec["layer"] | undefined;
}

const THROUGH_MAP: readonly PresetName[] = ["tuned-lens", "linear-shortcut", "lre", "caption"];

/**
 * The layers of a preset that reads through a map within one model: those asked for, else those that the mapping has.
 * Nothing where it has all that the preset reads by itself; other programs' files do not say how many there are.
 */
export async function mappedLayers(
  preset: PresetName,
  options: Layers & { readonly map?: string | undefined },
): Promise<Layers> {
  const { map, layers, targetLayer } = options;
  const asked = { layers, targetLayer };
  if (!THROUGH_MAP.includes(preset) || map === undefined) return asked;
  const { loadMapping } = await import("../node.ts");
  // What is wrong with a file the run says.
  const mapping = await loadMapping(map).catch(() => undefined);
  if (mapping === undefined || mapping.foreign !== undefined) return asked;
  if (preset === "caption") return { layers, targetLayer: targetLayer ?? lowestTarget(mapping) };
  const last = mapping.model.layers - 1;
  const open = preset === "linear-shortcut" ? lowestTarget(mapping) : last;
  const to = targetLayer ?? open;
  const at = typeof to === "number" && to < 0 ? to + mapping.model.layers : to;
  const sources = mapping.pairs.filter(({ target }) => target === at).map(({ source }) => source);
  const isWhole = at === last && range(last).every((layer) => sources.includes(layer));
  return {
    layers: layers ?? (isWhole || sources.length === 0 ? undefined : sources),
    targetLayer: targetLayer ?? (open === last || open === "same" ? undefined : open),
  };
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, layer) => layer);
}

/** Early layers of a reader take states from elsewhere best (section 4.4 of arXiv 2401.06102), the first ones not yet. */
export function earlyLayer(layers: number): number {
  return Math.floor(layers / 6);
}

/** The layers that a mapping has maps from: to one layer, or to any where several are written or none of them fits. */
export function sourcesOf(
  { pairs }: FittedMapping,
  to: TargetSpec["layer"],
): readonly MappedLayer[] {
  const own = pairs.filter(({ target }) => target === to);
  return [...new Set((own.length > 0 ? own : pairs).map(({ source }) => source))];
}

/** The lowest layer that all of a mapping's layers lead to; `same` where each leads to one of its own. */
export function lowestTarget({ pairs }: FittedMapping): number | "embedding" | "same" {
  const sources = new Set(pairs.map(({ source }) => source)).size;
  const targets = [...new Set(pairs.map(({ target }) => target))];
  const shared = targets.filter(
    (to) => pairs.filter(({ target }) => target === to).length === sources,
  );
  if (shared.includes("embedding")) return "embedding";
  const numbers = shared.filter((layer) => typeof layer === "number");
  return numbers.length === 0 ? "same" : Math.min(...numbers);
}
