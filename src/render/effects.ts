/**
 * What cells change in a metric, as a map of layers by tokens (or of source by target layers), where a result is one: the
 * picture of causal tracing, activation patching, knockouts and ablations. The drawing itself is `heat-map.ts`.
 */
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import type { LayerName } from "../spec/spec.ts";
import type { HeatMap } from "./heat-map.ts";
import { metricLabel, metricNames } from "./metric-figures.ts";
import { layerLabel, placesOf } from "./reading.ts";

export interface Effects {
  readonly map: HeatMap;
  /** What the numbers are held against, and where they are largest. */
  readonly summary: string;
}

/** The place of a cell in the map. */
interface Point {
  readonly row: LayerName;
  readonly column: LayerName;
  readonly cell: CellRecord;
}

/** The map of the first metric; nothing where the cells are no grid, or were asked for words. */
export function effectsOf(result: PatchscopeResult): Effects | undefined {
  const [name] = metricNames(result);
  if (name === undefined || result.spec.read.kind !== "next-token") return undefined;
  const isByLayer = result.cells.some((cell) =>
    placesOf(cell).some(({ source, target }) => !hasPoint(cell) && source.layer !== target.layer),
  );
  const points = result.cells.flatMap((cell) => pointOf(cell, isByLayer) ?? []);
  const rows = [...new Set(points.map(({ row }) => row))];
  const columns = [...new Set(points.map(({ column }) => column))].sort(
    (a, b) => heightOf(a) - heightOf(b),
  );
  const isGrid =
    points.length === result.cells.length && new Set(points.map(keyOf)).size === points.length;
  if (!isGrid || rows.length < 2 || columns.length < 2) return undefined;
  const scale = scaleOf(name, result);
  const values = rows.map((row) =>
    columns.map((column) => {
      const point = points.find((each) => each.row === row && each.column === column);
      return scale.of(point?.cell.metrics?.[name]);
    }),
  );
  const map: HeatMap = {
    corner: isByLayer ? BY_LAYER : "layer",
    rows: rows.map(layerLabel),
    columns: columns.map((column) =>
      isByLayer || column === "embedding" ? layerLabel(column) : tokenLabel(column, result),
    ),
    values,
    what: scale.what,
    ...(scale.full === undefined ? {} : { full: scale.full }),
    digits: digitsFor(values),
  };
  return { map, summary: summaryOf(name, { map, scale, result }) };
}

/** Head of a map of source layers by target layers. */
export const BY_LAYER = "from > into";

function heightOf(layer: LayerName): number {
  return layer === "embedding" ? -1 : layer;
}

function keyOf({ row, column }: Point): string {
  return `${row} ${column}`;
}

function hasPoint({ at }: CellRecord): boolean {
  return at?.layer !== undefined && at.position !== undefined;
}

function pointOf(cell: CellRecord, isByLayer: boolean): Point | undefined {
  const { at } = cell;
  if (at?.layer !== undefined && at.position !== undefined) {
    return { row: at.layer, column: at.position, cell };
  }
  const [place] = placesOf(cell);
  if (place === undefined || "writes" in cell) return undefined;
  const { source, target } = place;
  return { row: source.layer, column: isByLayer ? target.layer : source.position, cell };
}

/** A token as a column's head; `*` where there is noise on it, both where the two prompts differ there. */
function tokenLabel(position: number, { source, target }: PatchscopeResult): string {
  const own = (source.pieces[position] ?? "").trim();
  const other = (target.pieces[position] ?? "").trim();
  const isSameText = source.pieces.length === target.pieces.length;
  const mark = target.noised?.includes(position) === true ? "*" : "";
  return `${own === other || !isSameText ? own : `${own}/${other}`}${mark}`;
}

/** How a metric's values are shown. */
interface Scale {
  readonly what: string;
  readonly full?: number;
  readonly of: (value: number | undefined) => number | undefined;
}

/** Less of a difference between the two runs is nothing that could be recovered. */
const LEAST_DIFFERENCE = 0.5;

function scaleOf(name: string, { source, controls }: PatchscopeResult): Scale {
  const own = source.metrics?.[name];
  const base = controls.unpatched?.metrics?.[name];
  if (base === undefined) return { what: name, of: (value) => value };
  if (own !== undefined && name.startsWith("logit-difference")) {
    const whole = own - base;
    if (Math.abs(whole) >= LEAST_DIFFERENCE) {
      return {
        what: `recovery of ${name} (1: as in the source's own run, 0: as without a patch)`,
        full: 1,
        of: (value) => (value === undefined ? undefined : (value - base) / whole),
      };
    }
  }
  const isShare = name.startsWith("probability");
  return {
    what: `change of ${name}${isShare ? ", in percentage points" : ""}`,
    of: (value) => (value === undefined ? undefined : (value - base) * (isShare ? 100 : 1)),
  };
}

/** No more digits than the largest value has a use for. */
function digitsFor(values: HeatMap["values"]): number {
  const largest = values.flat().reduce<number>((a, b) => Math.max(a, Math.abs(b ?? 0)), 0);
  if (largest >= 100) return 0;
  return largest >= 3 ? 1 : largest >= 0.3 ? 2 : 3;
}

function summaryOf(
  name: string,
  { map, scale, result }: { map: HeatMap; scale: Scale; result: PatchscopeResult },
): string {
  const { source, controls, cells } = result;
  const own = source.metrics?.[name];
  const base = controls.unpatched?.metrics?.[name];
  const isAlone = cells.some(({ intervention }) => intervention !== undefined);
  const runs = [
    ...(own === undefined || isAlone ? [] : [`${metricLabel(name, own)} in the source's own run`]),
    ...(base === undefined ? [] : [`${metricLabel(name, base)} ${baseWords(result, isAlone)}`]),
  ];
  const held = runs.length === 0 ? [] : [`${name}: ${runs.join(", ")}.`];
  const shown = map.values.flatMap((values, row) =>
    values.map((value, column) => ({ value: value ?? 0, row, column })),
  );
  const largest = shown.reduce((a, b) => (Math.abs(b.value) > Math.abs(a.value) ? b : a));
  const sign = largest.value > 0 && scale.full === undefined ? "+" : "";
  const [row = "", column = ""] = [map.rows[largest.row], map.columns[largest.column]];
  const place =
    map.corner === BY_LAYER ? `from layer ${row} into layer ${column}` : `layer ${row}, ${column}`;
  const value = largest.value.toFixed(map.digits ?? 2);
  return [...held, `Largest: ${sign}${value} at ${place}.`, ...changedWords(result)].join(" ");
}

function baseWords({ target }: PatchscopeResult, isAlone: boolean): string {
  if (isAlone) return "as the model is";
  return target.noised === undefined ? "in the target without a patch" : "with the noise alone";
}

/** Other likeliest tokens than without a patch, the most frequent first. */
function changedWords({ controls, cells }: PatchscopeResult): readonly string[] {
  const before = controls.unpatched?.next[0];
  if (before === undefined) return [];
  const counts = new Map<string, number>();
  for (const { next } of cells) {
    const [first] = next;
    if (first === undefined || first.token === before.token) continue;
    counts.set(first.piece, (counts.get(first.piece) ?? 0) + 1);
  }
  const changed = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const shown = [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_SHOWN)
    .map(([piece, count]) => `${JSON.stringify(piece)} in ${count}`);
  const words = shown.length === 0 ? "" : `: ${shown.join(", ")}`;
  return [
    `The likeliest next token, ${JSON.stringify(before.piece)}, is another one in ${changed} of ${cells.length} cells${words}.`,
  ];
}

const MAX_SHOWN = 4;

/** What a change of a metric does not say. */
export const EFFECT_CAVEAT =
  "An effect says that a state matters for this answer in this prompt: not that a fact is stored there.";

/** What is done in each cell of a map, in one sentence. */
export function effectWords({ cells, spec }: PatchscopeResult): string {
  const [first] = cells;
  const swept = spec.interventions.find((each) => "sweep" in each);
  const layers = (width: number | undefined): string =>
    width === undefined || width === 1 ? "in that layer" : `in ${width} layers around that one`;
  if (first?.intervention !== undefined && swept !== undefined && "sweep" in swept) {
    const where = layers(swept.sweep.layers);
    return swept.kind === "ablation"
      ? `In each cell ${SITE_WORDS[swept.site]} that token is ${swept.with === "zero" ? "set to zeros" : "replaced by a mean"} ${where}; then the next token is read.`
      : `In each cell attention ${swept.from === -1 ? "from the last token " : ""}to that token is cut ${where}; then the next token is read.`;
  }
  const window = spec.target.layer;
  const width = typeof window === "object" && "window" in window ? window.window : 1;
  const { source } = spec;
  const state = source.site === "resid_post" ? "the state of" : SITE_WORDS[source.site];
  return `In each cell ${state} that token ${layers(width)} is taken from the source's own run; then the next token is read.`;
}

const SITE_WORDS: Readonly<Record<PatchscopeResult["spec"]["source"]["site"], string>> = {
  resid_pre: "what the layer reads of",
  attn_out: "what attention adds to",
  resid_mid: "the state after attention of",
  mlp_out: "what the MLP adds to",
  resid_post: "the state of",
};
