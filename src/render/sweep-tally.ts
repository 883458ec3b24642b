/**
 * The results of many samples, counted cell by cell as they come: how often a read-out is right, and the means of metrics.
 * Cells of different samples are one where the spec has them at the same place of its axes. Keeps no result.
 */
import { beginsAnswer, namesAnswer } from "../measure/answers.ts";
import type {
  CellRecord,
  MetricValues,
  PatchscopeResult,
  ReadOutRecord,
} from "../result/result.ts";
import type { LayerName } from "../spec/spec.ts";
import { metricNames } from "./metric-figures.ts";
import { dependsOnVector, layerLabel, placesOf, pointsOf, verdictOf } from "./reading.ts";

/** Read-outs that were looked at for an answer. */
export interface Share {
  readonly hits: number;
  readonly trials: number;
}

/** A cell of all samples. */
export interface CellTally extends Share {
  readonly source: LayerName;
  readonly target: LayerName;
  /** Which of the source's positions it is, in the spec's order: they are other tokens in every sample. */
  readonly position: number;
  readonly factor: number | undefined;
  /** What a cell is called that writes several vectors of several layers. */
  readonly writes: string | undefined;
  /** Of the hits, those with evidence, and those that depend on the vector. */
  readonly judged: number;
  readonly depending: number;
  /** In the order of the names; undefined where there was none. */
  readonly means: readonly (number | undefined)[];
}

/** What the summary of a sweep is drawn from. */
export interface SweepTally {
  readonly samples: number;
  /** Read-outs of all samples. */
  readonly readOuts: number;
  /** In the order of the first sample's; those that only later samples have are last. */
  readonly cells: readonly CellTally[];
  /** What the prompts say without the vector; nothing where that control is off. */
  readonly unpatched: Share;
  /** Of metrics, as the spec has them before a sample fills it. */
  readonly names: readonly string[];
  /** Means of the runs beside the cells. */
  readonly runs: readonly { readonly label: string; readonly means: CellTally["means"] }[];
  /** Each kind of warning once: its message for the first sample that has it, and how many have it. */
  readonly warnings: readonly { readonly message: string; readonly samples: number }[];
  /** The first sample's result, without its cells. */
  readonly first: PatchscopeResult | undefined;
}

export interface SweepCounter {
  /** Counts a result. `answers`: what is right for this sample, where that is asked. */
  add(result: PatchscopeResult, answers: readonly string[] | undefined): void;
  tally(): SweepTally;
}

/** Counts the results of one sweep. */
export function sweepCounter(names: readonly string[]): SweepCounter {
  const cells = new Map<string, Counted>();
  const unpatched = { hits: 0, trials: 0 };
  const runs = { own: meansOf(names), without: meansOf(names) };
  const warnings = new Map<string, { message: string; samples: number }>();
  let samples = 0;
  let readOuts = 0;
  let first: PatchscopeResult | undefined;
  return {
    add: (result, answers) => {
      first ??= { ...result, cells: [] };
      samples += 1;
      readOuts += result.cells.length;
      const places = new Map<string, number>();
      const ownNames = metricNames(result);
      for (const cell of result.cells) {
        const place = placeOf(cell, places);
        const key = JSON.stringify(place);
        const counted = cells.get(key) ?? newCell(place, names);
        cells.set(key, counted);
        counted.means.add(ownNames, cell.metrics);
        if (answers !== undefined) countAnswer(counted, cell, answers);
      }
      const { unpatched: without } = result.controls;
      if (answers !== undefined && without !== undefined) {
        unpatched.trials += 1;
        if (isRight(without, answers)) unpatched.hits += 1;
      }
      for (const [code, message] of new Map(
        result.warnings.map((each) => [each.code, each.message]),
      )) {
        const known = warnings.get(code) ?? { message, samples: 0 };
        warnings.set(code, { ...known, samples: known.samples + 1 });
      }
      runs.own.add(ownNames, result.source.metrics);
      runs.without.add(ownNames, without?.metrics);
    },
    tally: () => ({
      samples,
      readOuts,
      cells: Array.from(cells.values(), ({ means, ...cell }) => ({
        ...cell,
        means: means.values(),
      })),
      unpatched,
      names,
      runs: [
        { label: "The source's own run", means: runs.own.values() },
        { label: "Without the vector", means: runs.without.values() },
      ].filter(({ means }) => means.some((mean) => mean !== undefined)),
      warnings: [...warnings.values()],
      first,
    }),
  };
}

type Place = Pick<CellTally, "source" | "target" | "position" | "factor" | "writes">;

interface Counted extends Place {
  hits: number;
  trials: number;
  judged: number;
  depending: number;
  readonly means: Means;
}

function newCell(place: Place, names: readonly string[]): Counted {
  return { ...place, hits: 0, trials: 0, judged: 0, depending: 0, means: meansOf(names) };
}

/** @param positions those of this sample that were seen, in their order */
function placeOf(cell: CellRecord, positions: Map<string, number>): Place {
  const points = pointsOf(cell);
  const key = points.map(({ source }) => source.position).join();
  const position = positions.get(key) ?? positions.size;
  positions.set(key, position);
  const layers = placesOf(cell).map(
    ({ source, target }) => `${layerLabel(source.layer)}>${layerLabel(target.layer)}`,
  );
  const isOfOne = cell.at?.layer !== undefined || new Set(layers).size === 1;
  return {
    source: points[0]?.source.layer ?? 0,
    target: points[0]?.target.layer ?? 0,
    position,
    factor: cell.factor,
    writes: isOfOne ? undefined : layers.join(" "),
  };
}

function countAnswer(counted: Counted, cell: CellRecord, answers: readonly string[]): void {
  counted.trials += 1;
  if (!isRight(cell, answers)) return;
  counted.hits += 1;
  const verdict = verdictOf(cell);
  if (verdict === undefined) return;
  counted.judged += 1;
  if (dependsOnVector(verdict)) counted.depending += 1;
}

/** A text that has the answer in it; where none was generated, a likeliest token that the answer begins with. */
function isRight(
  readOut: ReadOutRecord & Pick<CellRecord, "neighbours">,
  answers: readonly string[],
): boolean {
  if (readOut.text !== undefined) return namesAnswer(readOut.text, answers);
  const { piece = "" } = readOut.neighbours?.[0] ?? readOut.next[0] ?? {};
  return beginsAnswer(piece, answers);
}

interface Means {
  /** @param own the names that this sample has for the metrics */
  readonly add: (own: readonly string[], values: MetricValues | undefined) => void;
  readonly values: () => CellTally["means"];
}

function meansOf(names: readonly string[]): Means {
  const sums = names.map(() => 0);
  const counts = names.map(() => 0);
  return {
    add: (own, values) => {
      for (const index of names.keys()) {
        const value = values?.[own[index] ?? ""];
        if (value === undefined) continue;
        sums[index] = (sums[index] ?? 0) + value;
        counts[index] = (counts[index] ?? 0) + 1;
      }
    },
    values: () =>
      sums.map((sum, index) => (counts[index] === 0 ? undefined : sum / (counts[index] ?? 1))),
  };
}
