/**
 * What many samples say together, for a terminal: the share of right read-outs of each cell, or the means of metrics, as a
 * map of layers or a row for each, and in words how the best cell was chosen.
 */
import { wilson } from "../measure/intervals.ts";
import type { LayerName } from "../spec/spec.ts";
import { pad, visible, widest, wrap } from "./display-text.ts";
import { BY_LAYER } from "./effects.ts";
import { heatMapLines } from "./heat-map.ts";
import { CAVEAT } from "./legend.ts";
import { metricLabel } from "./metric-figures.ts";
import { layerLabel } from "./reading.ts";
import { styleOf, type Style, type TableOptions } from "./style.ts";
import type { CellTally, Share, SweepTally } from "./sweep-tally.ts";

export interface SweepTableOptions extends TableOptions {
  /** Whether the map or the rows are drawn, beside the words. */
  readonly hasTable: boolean;
  /** What this run took; nothing where all was there. */
  readonly seconds: number | undefined;
}

/** Draws what a sweep found. Ends without a line break. */
export function sweepTable(tally: SweepTally, options: SweepTableOptions): string {
  const style = styleOf(options);
  const isAnswered = tally.cells.some(({ trials }) => trials > 0);
  const body = options.hasTable ? bodyLines(tally, isAnswered, style) : [];
  const words = [
    ...(isAnswered ? answerWords(tally, style) : []),
    ...tally.names.flatMap((name, index) => metricWords(tally, name, index)),
  ];
  const legend = isAnswered ? [rightLegend(tally), CAVEAT] : [];
  return [
    style.paint.bold(titleOf(tally, options.seconds, style)),
    ...(body.length > 0 ? ["", ...body, ""] : []),
    ...words.flatMap((each) => wrap(each, style.width)),
    ...wrap(legend.join(" "), style.width)
      .filter((line) => line !== "")
      .map((line) => style.paint.dim(line)),
    ...tally.warnings.flatMap(({ message, samples }) => {
      const text = `! ${visible(message, style.alphabet)} (${samples} of ${counted(tally.samples, "sample")})`;
      return wrap(text, style.width, "  ").map((line) => style.paint.yellow(line));
    }),
  ].join("\n");
}

function titleOf(
  { first, samples, readOuts }: SweepTally,
  seconds: number | undefined,
  { alphabet }: Style,
): string {
  return [
    ...(first?.models ?? []).flatMap(({ name, precision }) => [visible(name, alphabet), precision]),
    counted(samples, "sample"),
    counted(readOuts, "read-out"),
    ...(seconds === undefined ? [] : [`${seconds.toFixed(1)} s`]),
  ].join(` ${alphabet.dot} `);
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** What is drawn of a cell. */
interface Quantity {
  readonly what: string;
  readonly of: (cell: CellTally) => number | undefined;
  readonly full?: number;
}

function bodyLines(tally: SweepTally, isAnswered: boolean, style: Style): readonly string[] {
  const quantities: Quantity[] = [
    ...(isAnswered ? [{ what: "share of right read-outs", of: shareOf, full: 1 }] : []),
    ...tally.names.map((name, index) => ({
      what: `mean ${name}`,
      of: (cell: CellTally) => cell.means[index],
    })),
  ];
  if (quantities.length === 0) return [];
  const axes = axesOf(tally.cells);
  if (axes === undefined) return rowLines(tally, isAnswered, style);
  return axes.sections
    .flatMap(({ heading, cells }) =>
      quantities.map((quantity) => [
        ...(heading === undefined ? [] : [style.paint.bold(heading)]),
        ...mapLines(cells, axes, quantity, style),
      ]),
    )
    .flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

/** How cells lie in rows and columns, where they do. */
interface Axes {
  readonly corner: string;
  readonly row: (cell: CellTally) => string;
  readonly column: (cell: CellTally) => string;
  readonly sections: readonly {
    readonly heading: string | undefined;
    readonly cells: readonly CellTally[];
  }[];
}

function axesOf(cells: readonly CellTally[]): Axes | undefined {
  if (cells.some(({ writes }) => writes !== undefined)) return undefined;
  const several = (of: (cell: CellTally) => unknown): boolean => new Set(cells.map(of)).size > 1;
  const hasPositions = several(({ position }) => position);
  const hasFactors = several(({ factor }) => factor);
  const isGrid =
    several(({ source }) => source) &&
    several(({ target }) => target) &&
    cells.some(({ source, target }) => source !== target);
  if (isGrid) {
    const heading = ({ position, factor }: CellTally): string | undefined => {
      const parts = [
        ...(hasPositions ? [positionLabel(position)] : []),
        ...(hasFactors && factor !== undefined ? [`*${factor}`] : []),
      ];
      return parts.length === 0 ? undefined : parts.join(", ");
    };
    return {
      corner: BY_LAYER,
      row: ({ source }) => layerLabel(source),
      column: ({ target }) => layerLabel(target),
      sections: sectionsBy(cells, heading),
    };
  }
  if (!hasPositions || hasFactors) return undefined;
  return {
    corner: "layer",
    row: (cell) => layerLabel(layerOf(cell, cells)),
    column: ({ position }) => positionLabel(position),
    sections: [{ heading: undefined, cells }],
  };
}

function sectionsBy(
  cells: readonly CellTally[],
  headingOf: (cell: CellTally) => string | undefined,
): Axes["sections"] {
  const sections = new Map<string | undefined, CellTally[]>();
  for (const cell of cells) {
    const heading = headingOf(cell);
    const section = sections.get(heading) ?? [];
    sections.set(heading, section);
    section.push(cell);
  }
  return Array.from(sections, ([heading, own]) => ({ heading, cells: own }));
}

function mapLines(
  cells: readonly CellTally[],
  axes: Axes,
  quantity: Quantity,
  style: Style,
): readonly string[] {
  const rows = [...new Set(cells.map(axes.row))];
  const columns = [...new Set(cells.map(axes.column))];
  const byPlace = new Map(cells.map((cell) => [`${axes.row(cell)} ${axes.column(cell)}`, cell]));
  return heatMapLines(
    {
      corner: axes.corner,
      rows,
      columns,
      values: rows.map((row) =>
        columns.map((column) => {
          const cell = byPlace.get(`${row} ${column}`);
          return cell && quantity.of(cell);
        }),
      ),
      what: quantity.what,
      full: quantity.full,
    },
    style,
  );
}

const GAP = "  ";
const BAR_WIDTH = 10;

/** A row for each cell. */
function rowLines(tally: SweepTally, isAnswered: boolean, style: Style): readonly string[] {
  const { cells, names, runs, unpatched } = tally;
  const hasEvidence = cells.some(({ judged }) => judged > 0);
  const header = [
    cells.some(({ writes }) => writes !== undefined) ? "writes" : "layer",
    ...(isAnswered ? ["right", "", "95%", "of"] : []),
    ...(isAnswered && hasEvidence ? ["depend"] : []),
    ...names.map((name) => visible(name, style.alphabet)),
  ];
  const metrics = (means: CellTally["means"]): readonly string[] =>
    names.map((name, index) => metricLabel(name, means[index]));
  const rows = cells.map((cell) => [
    rowLabel(cell, cells),
    ...(isAnswered ? shareColumns(cell, style) : []),
    ...(isAnswered && hasEvidence
      ? [cell.judged === 0 ? "" : `${cell.depending} of ${cell.judged}`]
      : []),
    ...metrics(cell.means),
  ]);
  const [without] = runs.filter(({ label }) => label === "Without the vector");
  const control =
    unpatched.trials > 0 || without !== undefined
      ? [
          "without",
          ...(isAnswered ? shareColumns(unpatched, style) : []),
          ...(isAnswered && hasEvidence ? [""] : []),
          ...metrics(without?.means ?? []),
        ]
      : undefined;
  const all = [header, ...rows, ...(control === undefined ? [] : [control])];
  const widths = header.map((_, column) => widest(all.map((each) => each[column] ?? "")));
  const line = (columns: readonly string[]): string =>
    columns
      .map((text, column) =>
        header[column] === ""
          ? pad(text, widths[column] ?? 0)
          : pad(text, widths[column] ?? 0, "left"),
      )
      .join(GAP)
      .trimEnd();
  const drawn = rows.map(line);
  return [
    style.paint.dim(line(header)),
    ...drawn,
    ...(control === undefined
      ? []
      : [style.alphabet.rule.repeat(widest([...drawn, line(control)])), line(control)].map((each) =>
          style.paint.dim(each),
        )),
  ];
}

function shareColumns({ hits, trials }: Share, style: Style): readonly string[] {
  const { rate, low, high } = wilson(hits, trials);
  if (trials === 0) return ["", "", "", ""];
  return [percent(rate), barOf(rate, style), rangeLabel(low, high, style), `${hits} of ${trials}`];
}

function barOf(rate: number, { alphabet }: Style): string {
  const steps = alphabet.bar.length;
  const filled = Math.round(rate * BAR_WIDTH * steps);
  const rest = filled % steps;
  const end = rest === 0 ? "" : (alphabet.bar[rest - 1] ?? "");
  return (alphabet.bar.at(-1) ?? "").repeat(Math.floor(filled / steps)) + end;
}

function rangeLabel(low: number, high: number, { alphabet }: Style): string {
  return `${(100 * low).toFixed(0)}${alphabet.range}${percent(high)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}

function shareOf({ hits, trials }: Share): number | undefined {
  return trials === 0 ? undefined : hits / trials;
}

/** The layer that a cell is called by where only one of the two varies, or both together. */
function layerOf({ source, target }: CellTally, cells: readonly CellTally[]): LayerName {
  return new Set(cells.map((cell) => cell.source)).size > 1 ? source : target;
}

function positionLabel(position: number): string {
  return `position #${position + 1}`;
}

function rowLabel(cell: CellTally, cells: readonly CellTally[]): string {
  const label = cell.writes ?? layerLabel(layerOf(cell, cells));
  const hasPositions = cells.some(({ position }) => position > 0);
  return [
    label,
    ...(hasPositions ? [`#${cell.position + 1}`] : []),
    ...(cell.factor === undefined ? [] : [`*${cell.factor}`]),
  ].join(" ");
}

/** Where a cell is, in a sentence. */
function placeWords(cell: CellTally, cells: readonly CellTally[]): string {
  const { source, target, position, factor, writes } = cell;
  const layers =
    writes !== undefined
      ? `writing ${writes}`
      : cells.every((each) => each.source === each.target)
        ? `at layer ${layerLabel(source)}`
        : `from layer ${layerLabel(source)} into layer ${layerLabel(target)}`;
  return [
    layers,
    ...(cells.some((each) => each.position > 0) ? [positionLabel(position)] : []),
    ...(factor === undefined ? [] : [`times ${factor}`]),
  ].join(", ");
}

function answerWords({ cells, unpatched, first }: SweepTally, style: Style): readonly string[] {
  const [best, ...others] = cells.toSorted(
    (a, b) => (shareOf(b) ?? -1) - (shareOf(a) ?? -1) || b.trials - a.trials,
  );
  if (best === undefined) return [];
  const without =
    unpatched.trials === 0
      ? []
      : [`Without the vector the prompt alone is right in ${shareWords(unpatched, style)}.`];
  if (best.hits === 0) {
    return [`No read-out of ${counted(cells.length, "cell")} is right.`, ...without];
  }
  const equal = others.filter((cell) => shareOf(cell) === shareOf(best)).length;
  const place = placeWords(best, cells);
  const found = `${shareWords(best, style)} are right, ${place}`;
  const ofCells =
    cells.length === 1
      ? [`${found}.`]
      : [
          `At best ${found}${equal === 0 ? "" : `, and as many in ${counted(equal, "other cell")}`}.`,
          `That is the best of ${counted(cells.length, "cell")}, chosen in hindsight: other samples will say less, and the interval does not count the choice. To know how good a cell is, name it in the spec and sweep other samples.`,
        ];
  return [...ofCells, ...without, ...dependingWords(cells, best, first?.spec.read.kind)];
}

/** `26 of 30 (87%, 95% interval 70–95%)`. */
function shareWords({ hits, trials }: Share, style: Style): string {
  const { rate, low, high } = wilson(hits, trials);
  return `${hits} of ${trials} (${percent(rate)}, 95% interval ${rangeLabel(low, high, style)})`;
}

function dependingWords(
  cells: readonly CellTally[],
  best: CellTally,
  kind: string | undefined,
): readonly string[] {
  const sum = (of: (cell: CellTally) => number): number =>
    cells.reduce((total, cell) => total + of(cell), 0);
  const judged = sum((cell) => cell.judged);
  if (judged === 0) {
    return kind === "generate"
      ? [
          "No read-out was held against controls: whether the right ones depend on the vector is open.",
        ]
      : [];
  }
  const inBest =
    cells.length === 1 || best.judged === 0
      ? ""
      : `; in that cell ${best.depending} of ${best.judged}`;
  return [
    `Depending on the vector: ${sum((cell) => cell.depending)} of ${counted(judged, "right read-out")}${inBest}.`,
  ];
}

function metricWords(
  { cells, runs, samples }: SweepTally,
  name: string,
  index: number,
): readonly string[] {
  const valueOf = (cell: CellTally): number => cell.means[index] ?? NaN;
  const known = cells
    .filter((cell) => Number.isFinite(valueOf(cell)))
    .toSorted((a, b) => valueOf(a) - valueOf(b));
  const [least] = known;
  const most = known.at(-1);
  if (least === undefined || most === undefined) return [];
  const where = (cell: CellTally): string =>
    `${metricLabel(name, valueOf(cell))} ${placeWords(cell, cells)}`;
  const found =
    known.length === 1
      ? metricLabel(name, valueOf(least))
      : `from ${where(least)} to ${where(most)}, the extremes of ${counted(known.length, "cell")}, chosen in hindsight`;
  const beside = runs.flatMap(({ label, means }) =>
    means[index] === undefined ? [] : [`${label}: ${metricLabel(name, means[index])}.`],
  );
  return [[`Mean ${name} over ${counted(samples, "sample")}: ${found}.`, ...beside].join(" ")];
}

function rightLegend({ first }: SweepTally): string {
  return first?.spec.read.kind === "generate"
    ? "Right: the text has the answer in it as whole words, wherever and whatever else it says."
    : "Right: the answer begins with the likeliest token, which may be no more than its first letters.";
}
