/** A sweep of source layers against target layers as a grid, where the terminal is wide enough for one. */
import type { PatchscopeResult } from "../result/result.ts";
import type { LayerName } from "../spec/spec.ts";
import { controlReadOuts, saidBy } from "./control-read-outs.ts";
import { fit, pad, readable, widest } from "./display-text.ts";
import { pieceLabels } from "./next-tokens.ts";
import { dependsOnVector, layerLabel, placesOf, verdictOf } from "./reading.ts";
import type { Style } from "./style.ts";

const GAP = " ";
/** Fewer columns a cell would show syllables. */
const MIN_CELL_WIDTH = 7;
const MAX_CELL_WIDTH = 24;
/** Stands before what the prompt says anyway, so that the grid can be read without colour. */
const PROMPT_MARK = "-";

/** Source layers down, target layers across; nothing where cells would be too narrow to read. */
export function gridLines(result: PatchscopeResult, style: Style): readonly string[] | undefined {
  const rows = new Map<string, Map<string, string>>();
  const judged = new Map<string, boolean>();
  const columns = columnsOf(result);
  for (const cell of result.cells) {
    const place = placesOf(cell)[0];
    if (
      place === undefined ||
      place.source.position !== placesOf(result.cells[0] ?? cell)[0]?.source.position
    ) {
      return undefined;
    }
    const [row, column] = [layerLabel(place.source.layer), layerLabel(place.target.layer)];
    const texts = rows.get(row) ?? new Map<string, string>();
    rows.set(row, texts);
    texts.set(column, cellText(cell, style));
    const verdict = verdictOf(cell);
    if (verdict === "the prompt says this anyway") judged.set(`${row} ${column}`, false);
    else if (dependsOnVector(verdict)) judged.set(`${row} ${column}`, true);
  }
  const label = widest(["from", ...rows.keys()]);
  const room = Math.floor((style.width - label) / columns.length) - GAP.length;
  const longest = widest([...rows.values()].flatMap((texts) => [...texts.values()]));
  const width = Math.min(room, MAX_CELL_WIDTH, longest + PROMPT_MARK.length);
  if (width < Math.min(MIN_CELL_WIDTH, longest)) return undefined;
  const drawn = Array.from(rows, ([row, texts]) =>
    [
      pad(row, label, "left"),
      ...columns.map((column) => {
        const depends = judged.get(`${row} ${column}`);
        const mark = depends === false ? PROMPT_MARK : "";
        const text = pad(fit(`${mark}${texts.get(column) ?? ""}`, width, style.alphabet), width);
        return depends === undefined
          ? text
          : depends
            ? style.paint.green(text)
            : style.paint.dim(text);
      }),
    ]
      .join(GAP)
      .trimEnd(),
  );
  const header = [
    pad("from", label, "left"),
    ...columns.map((column) => pad(`into ${column}`, width)),
  ];
  const key =
    judged.size > 0
      ? [style.paint.dim(`${PROMPT_MARK} before a read-out: the prompt says this anyway`)]
      : [];
  const controls = controlReadOuts(result, true).map(({ words, readOut }) =>
    fit(`${words}: ${saidBy(readOut, style.alphabet)}`, style.width, style.alphabet),
  );
  return [
    style.paint.dim(header.join(GAP).trimEnd()),
    ...drawn,
    ...key,
    ...controls.map((line) => style.paint.dim(line)),
  ];
}

/** The target layers from the bottom up, whatever cells are there already. */
function columnsOf({ cells }: PatchscopeResult): readonly string[] {
  const layers = new Set(cells.flatMap((cell) => placesOf(cell)[0]?.target.layer ?? []));
  const height = (layer: LayerName): number => (layer === "embedding" ? -1 : layer);
  return [...layers].toSorted((a, b) => height(a) - height(b)).map(layerLabel);
}

function cellText(cell: PatchscopeResult["cells"][number], { alphabet }: Style): string {
  if (cell.text !== undefined) return readable(cell.text, alphabet).trimStart();
  return pieceLabels(cell.next, alphabet)[0] ?? "";
}
