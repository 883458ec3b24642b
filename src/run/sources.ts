/** The vectors of a plan: the source's states and those of the sources that its mapping names, from runs and from files. */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { placeOf, type MappedLayer } from "../mapping/fitted-mapping.ts";
import type { LoadedVectors } from "../mapping/vector-file.ts";
import type { Capture, Plan, PlannedSource, State } from "../plan/plan.ts";
import { vectorKey, type PlannedVectors, type VectorFiles } from "../plan/vectors.ts";
import type { VectorOf } from "./target.ts";
import { capturePrompts, placeKey } from "./vectors.ts";

/** Where states are read. */
export interface StatesAt {
  /** One state, `[hidden]`; of a file with items that of another one, where it is named. */
  at(state: State, item?: number): Float32Array;
}

/** What a plan's vectors are made of. */
export interface RunSources {
  readonly source: StatesAt;
  /** By name: the vector that a mapping's step uses for a write. */
  readonly named: ReadonlyMap<string, VectorOf>;
}

/** Runs all prompts once, together, and takes the rest from the files. */
export async function readSources(
  plan: Plan,
  engine: Engine,
  files: VectorFiles<LoadedVectors>,
  signal?: AbortSignal,
): Promise<RunSources> {
  const { file } = plan.source;
  const running = plan.sources.filter((each) => each.file === undefined);
  const prompts = [
    ...(file === undefined ? [plan.capture.tokens] : []),
    ...running.map(({ tokens }) => tokens),
  ];
  const states =
    prompts.length === 0 ? [] : await capturePrompts(engine, prompts, statesOf(plan), signal);
  const [own] = file === undefined ? states : [fileStates(file, files, plan)];
  assert(own, "the source was captured");
  const ran = states.slice(file === undefined ? 1 : 0);
  const named = plan.sources.map((source): readonly [string, VectorOf] => {
    const at = source.file ? fileStates(source.file, files, plan) : ran[running.indexOf(source)];
    assert(at, "the named source was captured");
    return [source.name, ({ from }) => at.at(stateOf(source, from))];
  });
  return { source: own, named: new Map(named) };
}

function stateOf({ place, position }: PlannedSource, from: State): State {
  return place === "same" ? { ...from, position } : { ...place, position };
}

/** The source's, and those that named sources read at layers of their own. */
function statesOf({ capture, sources }: Plan): Capture["states"] {
  const fixed = sources.flatMap(({ place }) => (place === "same" ? [] : [place]));
  const all = [...capture.states, ...fixed];
  return [...new Map(all.map((place) => [placeKey(place), place])).values()];
}

/** The vectors of a file, as if they had been read from a run; what it has no axis for is the same everywhere. */
function fileStates(
  file: PlannedVectors,
  files: VectorFiles<LoadedVectors>,
  { shape, models }: Plan,
): StatesAt {
  const data = files.get(vectorKey(file))?.data;
  assert(data, "the vectors were loaded");
  const { layerCount = 1, positions = 1, width, item: own = 0 } = file;
  const layers: readonly MappedLayer[] = file.layers ?? [
    ...Array((models?.source ?? shape).layers).keys(),
  ];
  return {
    at: ({ site, layer, position }, item = own) => {
      const found = layers.findIndex((name) => {
        const place = placeOf(name, site);
        return place.site === site && place.layer === layer;
      });
      // The embedding is what block 0 reads, whatever the site of the others.
      const index = file.layerCount === undefined ? 0 : found;
      assert(index >= 0, "the file has the layer");
      const ofPosition = file.positions === undefined ? 0 : position;
      const at = (item * layerCount + index) * positions + ofPosition;
      return data.subarray(at * width, (at + 1) * width);
    },
  };
}
