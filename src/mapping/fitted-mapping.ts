/** Maps that were fitted for one model, each for a pair of layers, with where they come from and how good they are. */
import type { FittedKind } from "../map-kinds.ts";
import type { MapScores } from "../measure/map-scores.ts";
import type { Site } from "../site.ts";
import type { FittedMap, Mapping } from "./mapping.ts";

/** A layer as specs name it. */
export type MappedLayer = number | "embedding";

/** A map from the states of one layer to those of another. */
export interface FittedPair {
  readonly source: MappedLayer;
  readonly target: MappedLayer;
  readonly map: FittedMap;
  /** On states that the map was not fitted on. */
  readonly scores?: MapScores;
  /** Of the states as they are, without a map: what fitting has to beat. */
  readonly identity?: MapScores;
  /** The one that was chosen for this map. */
  readonly ridge?: number;
}

/** What a mapping was fitted on. */
export interface FitRecord {
  /** In words: a file's name, or that the model wrote the texts itself. */
  readonly data: string;
  readonly texts: number;
  readonly states: number;
  readonly heldOutStates: number;
  readonly seed: number;
  /** `auto` where each map has its own. */
  readonly ridge: number | "auto";
  /** Of maps of low rank, and numbers of the hidden layer of an MLP. */
  readonly rank?: number;
  readonly hidden?: number;
  /** Of maps that are no least squares: derivatives, see `fit-lre.ts`. */
  readonly method?: "lre";
  /** What derivatives were multiplied by. */
  readonly beta?: number;
  /** By how many tokens the states mapped to stand behind those mapped from; 0 where it is left out. */
  readonly ahead?: number;
}

/** A model that a mapping was fitted on. */
export interface MappedModel {
  readonly name: string;
  /** `sha256:…`, as `Model.weightsHash` gives it. */
  readonly weights: string;
  readonly layers: number;
  readonly hiddenSize: number;
}

/** What a mapping's file holds. */
export interface FittedMapping {
  readonly kind: FittedKind;
  readonly model: MappedModel;
  /** Where the maps lead to another model's states: that model. */
  readonly target?: MappedModel;
  /** Of both layers; the embedding is the state before block 0, whatever the site. */
  readonly site: Site;
  readonly pairs: readonly FittedPair[];
  /** Its maps take vectors of any layer, or of none: of an image encoder, say, which `model` then names. */
  readonly anySource?: boolean;
  readonly fit?: FitRecord;
}

/** A mapping as it was read. */
export interface LoadedMapping extends FittedMapping {
  /** The file, for messages. */
  readonly file: string;
  /** `sha256:…` of the file's bytes, which stands for the mapping in a spec's hash. */
  readonly hash: string;
  readonly foreign?: ForeignMapping;
}

/** What is special about a mapping that another program wrote. */
export interface ForeignMapping {
  readonly program: string;
  /** Its maps lead to the last layer, however many there are: {@link settled}. */
  readonly toLast?: boolean;
  /** Its only map leads to any layer. */
  readonly anyTarget?: boolean;
  /** Its maps are for vectors scaled to length 1. */
  readonly isOfUnit?: boolean;
}

/** In place of the hash of weights that a file does not name. */
export const UNKNOWN_WEIGHTS = "unknown";

/** A mapping to the last layer of a model that has this many. */
export function settled(mapping: LoadedMapping, layers: number): LoadedMapping {
  if (mapping.foreign?.toLast !== true) return mapping;
  const pairs = mapping.pairs.map((pair) => ({ ...pair, target: layers - 1 }));
  return { ...mapping, model: { ...mapping.model, layers }, pairs };
}

/** A place of the residual stream as engines address it. */
export interface MappedPlace {
  readonly site: Site;
  readonly layer: number;
}

/** The place of a layer; the embedding is what block 0 reads. */
export function placeOf(layer: MappedLayer, site: Site): MappedPlace {
  return layer === "embedding" ? { site: "resid_pre", layer: 0 } : { site, layer };
}

/** The map from one place to another; none of a state to itself, which needs none. */
export function mapBetween(
  mapping: FittedMapping & Pick<LoadedMapping, "foreign">,
  from: MappedPlace,
  to: MappedPlace,
): Mapping | undefined {
  const { pairs, site, target: otherModel, anySource = false, foreign } = mapping;
  const anyTarget = foreign?.anyTarget === true;
  const map = pairs.find(
    ({ source, target }) =>
      (anySource || isSame(placeOf(source, site), from)) &&
      (anyTarget || isSame(placeOf(target, site), to)),
  )?.map;
  if (map !== undefined) return foreign?.isOfUnit === true ? { kind: "of-unit", map } : map;
  const isItself = otherModel === undefined && isSame(from, to);
  return isItself ? { kind: "identity" } : undefined;
}

/** The pairs of layers as a message lists them. */
export function pairsText({
  pairs,
  anySource = false,
}: Pick<LoadedMapping, "pairs" | "anySource">): string {
  const shown = pairs
    .slice(0, MAX_PAIRS)
    .map(({ source, target }) => `${anySource ? "any layer" : source} > ${target}`);
  return `${shown.join(", ")}${pairs.length > MAX_PAIRS ? `, … (${pairs.length})` : ""}`;
}

const MAX_PAIRS = 40;

function isSame(a: MappedPlace, b: MappedPlace): boolean {
  return a.site === b.site && a.layer === b.layer;
}
