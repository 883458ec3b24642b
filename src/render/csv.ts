/**
 * A result as comma-separated values: a line for every cell, whatever its text holds. Line breaks inside a
 * text are written `\n`, so that tools that work by lines can read it; JSON keeps texts exactly.
 */
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import { metricNames } from "./metric-figures.ts";
import { PROPAGATION_HEADER, propagationColumns } from "./propagation.ts";
import { logprobOf, placesOf } from "./reading.ts";

/** The values of a line; nothing where a column has none. */
export type CsvRow = readonly (string | number | undefined)[];

/** Columns by name, and a row for each cell. */
export interface CsvTable {
  readonly header: readonly string[];
  readonly rows: readonly CsvRow[];
}

/** Writes a header and a line for each cell, in their order. Log-probabilities are of the first 8 tokens, in nats. */
export function csv(result: PatchscopeResult): string {
  const { header, rows } = csvTable(result);
  return [header, ...rows].map(csvLine).join("\n");
}

/** A line, without a line break. */
export function csvLine(row: CsvRow): string {
  return row.map(field).join();
}

/** What {@link csv} writes, as data. */
export function csvTable(result: PatchscopeResult): CsvTable {
  if (result.spec.read.kind === "propagation") return propagationTable(result);
  const isGenerated = result.spec.read.kind === "generate";
  const ranks = isGenerated ? 0 : Math.max(0, ...result.cells.map(({ next }) => next.length));
  const most = (count: (cell: CellRecord) => number | undefined): number =>
    result.cells.reduce((least, cell) => Math.max(least, count(cell) ?? 0), 0);
  const near = most(({ neighbours }) => neighbours?.length);
  const trips = most(({ roundTrip }) => (roundTrip === undefined ? 0 : 1));
  const controls = most(({ logprobUnder }) => logprobUnder?.unrelated?.length);
  const contrasts = most(({ logprobUnder }) => logprobUnder?.contrast?.length);
  const means = most(({ logprobUnder }) => (logprobUnder?.mean === undefined ? 0 : 1));
  const randoms = most(({ logprobUnder }) => logprobUnder?.random?.length);
  const names = metricNames(result);
  const points = result.cells.some(({ at }) => at !== undefined);
  const header = [
    ...PLACE_HEADER,
    ...(hasFactors(result) ? ["factor"] : []),
    ...(isGenerated ? ["text"] : []),
    ...numbered(ranks).flatMap((rank) => [`next_${rank}`, `logprob_${rank}`]),
    ...numbered(near).flatMap((rank) => [`near_${rank}`, `cosine_${rank}`]),
    ...(isGenerated ? ["logprob", "evidence", "logprob_unpatched"] : []),
    ...numbered(controls).map((control) => `logprob_unrelated_${control}`),
    ...(contrasts > 0 ? ["evidence_contrast"] : []),
    ...numbered(contrasts).map((source) => `logprob_contrast_${source}`),
    ...(trips > 0 ? ["round_trip", "round_trip_centred", "round_trip_unrelated"] : []),
    ...(means > 0 ? ["logprob_mean"] : []),
    ...numbered(randoms).map((vector) => `logprob_random_${vector}`),
    ...names,
    ...(points ? ["at_layer", "at_position"] : []),
  ];
  const row = (cell: CellRecord): CsvRow => [
    ...placeColumns(cell),
    ...(hasFactors(result) ? [cell.factor] : []),
    ...(isGenerated ? [cell.text] : []),
    ...numbered(ranks).flatMap((rank) => [
      cell.next[rank - 1]?.piece,
      cell.next[rank - 1]?.logprob,
    ]),
    ...numbered(near).flatMap((rank) => [
      cell.neighbours?.[rank - 1]?.piece,
      cell.neighbours?.[rank - 1]?.cosine,
    ]),
    ...(isGenerated ? [logprobOf(cell), cell.evidence, cell.logprobUnder?.unpatched] : []),
    ...numbered(controls).map((control) => cell.logprobUnder?.unrelated?.[control - 1]),
    ...(contrasts > 0 ? [cell.evidenceContrast] : []),
    ...numbered(contrasts).map((source) => cell.logprobUnder?.contrast?.[source - 1]),
    ...(trips > 0 ? roundTripColumns(cell) : []),
    ...(means > 0 ? [cell.logprobUnder?.mean] : []),
    ...numbered(randoms).map((vector) => cell.logprobUnder?.random?.[vector - 1]),
    ...names.map((name) => cell.metrics?.[name]),
    ...(points ? [cell.at?.layer, cell.at?.position] : []),
  ];
  return { header, rows: result.cells.map(row) };
}

/** Whether cells say what the vector was multiplied by. */
export function hasFactors({ cells }: PatchscopeResult): boolean {
  return cells.some(({ factor }) => factor !== undefined);
}

/** A line for each cell, block and token. */
function propagationTable({ cells }: PatchscopeResult): CsvTable {
  const rows = cells.flatMap((cell) =>
    propagationColumns(cell).map((columns) => [...placeColumns(cell), ...columns]),
  );
  return { header: [...PLACE_HEADER, ...PROPAGATION_HEADER], rows };
}

const PLACE_HEADER: readonly string[] = [
  "source_layer",
  "source_position",
  "target_layer",
  "target_position",
];

/** The cosine, the centred one, and the mean of the unrelated sentences'. */
function roundTripColumns({ roundTrip }: CellRecord): readonly (number | undefined)[] {
  if (roundTrip === undefined) return [undefined, undefined, undefined];
  const { cosine, centred, unrelated } = roundTrip;
  const mean = unrelated.reduce((sum, each) => sum + each, 0) / unrelated.length;
  return [cosine, centred, unrelated.length === 0 ? undefined : mean];
}

function numbered(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** The four places of a cell; several values in one column where a cell writes several vectors. */
export function placeColumns(cell: CellRecord): readonly string[] {
  const places = placesOf(cell);
  return [
    places.map(({ source }) => source.layer).join(";"),
    places.map(({ source }) => source.position).join(";"),
    places.map(({ target }) => target.layer).join(";"),
    places.map(({ target }) => target.position).join(";"),
  ];
}

function field(value: string | number | undefined): string {
  const text = String(value ?? "")
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r");
  return /[",;]|^\s|\s$/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
