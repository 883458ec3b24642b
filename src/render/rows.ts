/**
 * The cells of a result as rows of a table: which layer names a row, which rows stand together,
 * which neighbours say the same and become one. Nothing here knows about widths or colours.
 */
import type {
  CellRecord,
  NeighbourRecord,
  MetricValues,
  NextToken,
  PatchscopeResult,
  PlaceRecord,
} from "../result/result.ts";
import type { LayerName } from "../spec/spec.ts";
import { smallerShares, wordShares, type WordShare } from "./evidence-words.ts";
import {
  layerLabel,
  placesOf,
  pointsOf,
  probabilityPerToken,
  verdictOf,
  type Verdict,
} from "./reading.ts";

/** Smallest and largest of the cells in a row. */
export type Range = readonly [min: number, max: number];

/** One cell, or neighbours that say the same. */
export interface TableRow {
  readonly label: string;
  /** The layers of the row's cells; empty where a cell writes several vectors. */
  readonly layers: readonly LayerName[];
  /** What the vector was multiplied by, where that varies. */
  readonly factor: number | undefined;
  /** Absent where only the next token was read. */
  readonly text: string | undefined;
  readonly next: readonly NextToken[];
  readonly neighbours: readonly NeighbourRecord[] | undefined;
  readonly probability: Range | undefined;
  readonly evidence: Range | undefined;
  /** Of the text's first words: how much of the evidence each carries, in every one of the cells. */
  readonly shares: readonly WordShare[] | undefined;
  /** Against the contrast set. */
  readonly contrast: Range | undefined;
  /** Centred cosines of round trips. */
  readonly roundTrip: Range | undefined;
  readonly verdict: Verdict | undefined;
  /** Only of rows of one cell. */
  readonly metrics: MetricValues | undefined;
}

export interface Section {
  /** What the rows have in common, where there are several sections. */
  readonly heading: string | undefined;
  readonly rows: readonly TableRow[];
}

/** How the layers of a result vary, which decides what a row is called. */
export interface Shape {
  /** Whether a row stands for a source layer, for a target layer, or for a cell of several writes. */
  readonly rowsAre: "source layers" | "target layers" | "writes";
  /** Source and target layers both vary, independently. */
  readonly isGrid: boolean;
  /** Set where all cells have the same one. */
  readonly sourceLayer: LayerName | undefined;
  readonly targetLayer: LayerName | undefined;
  readonly isSameLayer: boolean;
  readonly sourcePositions: number;
  /** Whether there is a row for each of several factors. */
  readonly hasFactors: boolean;
}

/** Looks at all cells' places at once. */
export function shapeOf(result: PatchscopeResult): Shape {
  const pairs = result.cells.flatMap(pointsOf);
  const sources = new Set(pairs.map(({ source }) => source.layer));
  const targets = new Set(pairs.map(({ target }) => target.layer));
  const isSameLayer = pairs.every(({ source, target }) => source.layer === target.layer);
  const isWrites = result.cells.some(
    (cell) => "writes" in cell && cell.at?.layer === undefined && !isOfOneLayer(cell),
  );
  const isByTarget = !isSameLayer && targets.size > 1;
  return {
    rowsAre: isWrites ? "writes" : isByTarget ? "target layers" : "source layers",
    isGrid: !isWrites && isByTarget && sources.size > 1,
    sourceLayer: only(sources),
    targetLayer: only(targets),
    isSameLayer,
    sourcePositions: new Set(result.cells.map(sourcePositionsOf)).size,
    hasFactors: result.cells.some(({ factor }) => factor !== undefined),
  };
}

/** Whether all vectors of a cell are of one layer, and written at one: then it is one row like that of a single vector. */
function isOfOneLayer(cell: CellRecord): boolean {
  const [first, ...others] = placesOf(cell);
  if (first === undefined) return false;
  return others.every(
    ({ source, target }) =>
      source.layer === first.source.layer && target.layer === first.target.layer,
  );
}

function sourcePositionsOf(cell: CellRecord): string {
  return placesOf(cell)
    .map(({ source }) => source.position)
    .join();
}

function only<T>(values: ReadonlySet<T>): T | undefined {
  return values.size === 1 ? Array.from(values)[0] : undefined;
}

/** Sorts the cells into rows; they keep their order. */
export function sectionsOf(result: PatchscopeResult): readonly Section[] {
  const shape = shapeOf(result);
  const sections: { heading: string | undefined; rows: TableRow[] }[] = [];
  for (const cell of result.cells) {
    const heading = headingOf(cell, shape, result);
    const last = sections.at(-1);
    const row = rowOf(cell, shape);
    if (last?.heading === heading && last !== undefined) last.rows.push(row);
    else sections.push({ heading, rows: [row] });
  }
  return sections.map(({ heading, rows }) => ({ heading, rows: merged(rows) }));
}

function headingOf(cell: CellRecord, shape: Shape, result: PatchscopeResult): string | undefined {
  const source = pointsOf(cell)[0]?.source;
  if (source === undefined || shape.rowsAre === "writes") return undefined;
  const parts = [
    ...(shape.sourcePositions > 1 ? [placeLabel(source, result)] : []),
    ...(shape.isGrid ? [`layer ${layerLabel(source.layer)}`] : []),
  ];
  return parts.length === 0 ? undefined : `from ${parts.join(", ")}`;
}

/** Vectors of a file need not be of tokens. */
function placeLabel({ position }: PlaceRecord, { source }: PatchscopeResult): string {
  const piece = source.pieces[position];
  return piece === undefined ? `vector ${position}` : `token ${position} "${piece.trim()}"`;
}

function rowOf(cell: CellRecord, shape: Shape): TableRow {
  const places = pointsOf(cell);
  const layers =
    shape.rowsAre === "writes"
      ? []
      : places
          .slice(0, 1)
          .map((place) => (shape.rowsAre === "source layers" ? place.source : place.target).layer);
  const { factor } = cell;
  const probability = probabilityPerToken(cell);
  return {
    label: [
      layers.length === 0 ? places.map(writeLabel).join(" ") : layers.map(layerLabel).join(),
      ...(factor === undefined ? [] : [`*${factor}`]),
    ].join(" "),
    layers,
    factor,
    text: cell.text,
    next: cell.next,
    neighbours: cell.neighbours,
    probability: point(probability),
    evidence: point(cell.evidence),
    shares: wordShares(cell),
    contrast: point(cell.evidenceContrast),
    roundTrip: point(cell.roundTrip?.centred),
    verdict: verdictOf(cell),
    metrics: cell.metrics,
  };
}

/** `3@4>5@19`: the state of layer 3 at position 4, written at layer 5 and position 19. */
function writeLabel({ source, target }: { source: PlaceRecord; target: PlaceRecord }): string {
  const place = ({ layer, position }: PlaceRecord): string => `${layerLabel(layer)}@${position}`;
  return `${place(source)}>${place(target)}`;
}

function merged(rows: readonly TableRow[]): readonly TableRow[] {
  const result: TableRow[] = [];
  for (const row of rows) {
    const last = result.at(-1);
    if (last !== undefined && saysTheSame(last, row)) result[result.length - 1] = joined(last, row);
    else result.push(row);
  }
  return result;
}

function saysTheSame(above: TableRow, below: TableRow): boolean {
  const from = above.layers.at(-1);
  const to = below.layers[0];
  const areNeighbours = typeof from === "number" && typeof to === "number" && to === from + 1;
  return (
    areNeighbours &&
    above.factor === below.factor &&
    above.text !== undefined &&
    above.text === below.text &&
    above.metrics === undefined &&
    above.verdict === below.verdict
  );
}

function joined(above: TableRow, below: TableRow): TableRow {
  return {
    ...above,
    layers: [...above.layers, ...below.layers],
    label: [
      layersLabel([...above.layers, ...below.layers]),
      ...(above.factor === undefined ? [] : [`*${above.factor}`]),
    ].join(" "),
    probability: hull(above.probability, below.probability),
    evidence: hull(above.evidence, below.evidence),
    shares: smallerShares(above.shares, below.shares),
    contrast: hull(above.contrast, below.contrast),
    roundTrip: hull(above.roundTrip, below.roundTrip),
  };
}

function point(value: number | undefined): Range | undefined {
  return value === undefined ? undefined : [value, value];
}

function hull(a: Range | undefined, b: Range | undefined): Range | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

/** Layers in ascending order, in short: `emb, 0–3, 7`. */
export function layersLabel(layers: readonly LayerName[]): string {
  const runs: LayerName[][] = [];
  for (const layer of layers) {
    const last = runs.at(-1)?.at(-1);
    if (typeof last === "number" && layer === last + 1) runs.at(-1)?.push(layer);
    else runs.push([layer]);
  }
  return runs
    .map((run) => [run[0], ...(run.length > 1 ? [run.at(-1)] : [])])
    .map((ends) => ends.map((layer) => layerLabel(layer ?? "embedding")).join("–"))
    .join(", ");
}
