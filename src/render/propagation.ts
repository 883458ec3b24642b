/**
 * How far patches travel, as heat maps: of one cell every later block, of several what is left behind the last one. And the
 * same as lines of values, and for Markdown.
 */
import type { CellRecord, PatchscopeResult, PropagationRecord } from "../result/result.ts";
import { wrap } from "./display-text.ts";
import { heatMapLines, heatMapMarkdown, type HeatMap } from "./heat-map.ts";
import { nextTokensLine } from "./next-tokens.ts";
import { layerLabel, placesOf } from "./reading.ts";
import type { Style } from "./style.ts";

type Measure = "difference" | "cosine" | "kl";

const WHAT: Readonly<Record<Measure, string>> = {
  difference: "difference (lengths of the unpatched state)",
  cosine: "cosine with the unpatched state",
  kl: "KL by the logit lens (nats)",
};

const LEGEND =
  "A row is a block, a column a token of the target: what the patch changes there. KL: how far what the logit lens reads from the state moves; behind the last block that is the model's own next token.";

/** Draws a result's propagation; nothing where it has none. */
export function propagationLines(
  result: PatchscopeResult,
  style: Style,
): readonly string[] | undefined {
  const compared = comparedCells(result);
  const [first] = compared;
  if (first === undefined) return undefined;
  if (compared.length > 1) {
    return [
      ...heatMapLines(acrossCells(compared, result), style),
      ...dimmed(
        `A row is a patch, by its source and target layer; a column is a token of the target. One layer alone (--layers 5) is shown block by block.`,
        style,
      ),
    ];
  }
  return [
    ...heatMapLines(withinCell(first.propagation, "difference", result), style),
    "",
    ...heatMapLines(withinCell(first.propagation, "kl", result), style),
    ...dimmed(LEGEND, style),
    "",
    ...nextLines(first.cell, result, style),
  ];
}

/** What the model says next at the end, with the patch and without. */
function nextLines(cell: CellRecord, result: PatchscopeResult, style: Style): readonly string[] {
  const { unpatched } = result.controls;
  const line = (label: string, { next }: Pick<CellRecord, "next">): readonly string[] =>
    wrap(`${label}: ${nextTokensLine(next.slice(0, MAX_NEXT), style.alphabet)}`, style.width, "  ");
  return [
    ...line("next token with the patch", cell),
    ...(unpatched === undefined ? [] : line("without it", unpatched)),
  ];
}

// More than these say nothing about the patch.
const MAX_NEXT = 5;

function dimmed(text: string, { width, paint }: Style): readonly string[] {
  return wrap(text, width).map((line) => paint.dim(line));
}

/** All measures of all cells, a heat map after the other. */
export function propagationMarkdown(result: PatchscopeResult): readonly string[] {
  return comparedCells(result).flatMap(({ cell, propagation }) => [
    `Patch ${patchLabel(cell)}`,
    "",
    ...MEASURES.flatMap((measure) => [
      ...heatMapMarkdown(withinCell(propagation, measure, result)),
      "",
    ]),
  ]);
}

const MEASURES: readonly Measure[] = ["difference", "cosine", "kl"];

/** Names and values of the columns that stand behind a cell's places, a row for each block and token. */
export function propagationColumns({ propagation }: CellRecord): readonly (readonly number[])[] {
  if (propagation === undefined) return [];
  const { layers, positions } = propagation;
  return layers.flatMap((layer, row) =>
    positions.map((position, column) => [
      layer,
      position,
      ...MEASURES.map((measure) => propagation[measure][row]?.[column] ?? NaN),
    ]),
  );
}

/** Their names. */
export const PROPAGATION_HEADER: readonly string[] = ["layer", "position", ...MEASURES];

interface Compared {
  readonly cell: CellRecord;
  readonly propagation: PropagationRecord;
}

function comparedCells({ cells }: PatchscopeResult): readonly Compared[] {
  return cells.flatMap((cell) =>
    cell.propagation === undefined ? [] : [{ cell, propagation: cell.propagation }],
  );
}

function withinCell(
  propagation: PropagationRecord,
  measure: Measure,
  result: PatchscopeResult,
): HeatMap {
  const { layers, positions } = propagation;
  return {
    corner: "layer",
    rows: layers.map(String),
    columns: positions.map((position) => result.target.pieces[position] ?? ""),
    values: propagation[measure],
    what: WHAT[measure],
  };
}

/** Behind the last block, each cell as a row. */
function acrossCells(compared: readonly Compared[], result: PatchscopeResult): HeatMap {
  const positions = [
    ...new Set(compared.flatMap(({ propagation }) => propagation.positions)),
  ].toSorted((a, b) => a - b);
  return {
    corner: "patch",
    rows: compared.map(({ cell }) => patchLabel(cell)),
    columns: positions.map((position) => result.target.pieces[position] ?? ""),
    values: compared.map(({ propagation }) =>
      positions.map((position) => propagation.kl.at(-1)?.[propagation.positions.indexOf(position)]),
    ),
    what: "KL of the model's next token behind each token (nats)",
  };
}

/** `5`, or `5>7` where the target's layer is another; with the token where there are several. */
function patchLabel(cell: CellRecord): string {
  return placesOf(cell)
    .map(({ source, target }) => {
      const [from, to] = [layerLabel(source.layer), layerLabel(target.layer)];
      return from === to ? from : `${from}>${to}`;
    })
    .join(" ");
}
