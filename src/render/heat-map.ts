/**
 * Numbers in rows and columns as shades for a terminal, as wide as it is: with the numbers where there is room, readable
 * without colour. Knows nothing of results; what the rows and columns mean is the caller's to say.
 */
import { fit, pad, visible, widest, wrap } from "./display-text.ts";
import type { Style } from "./style.ts";

export interface HeatMap {
  /** What the rows are, over their labels. */
  readonly corner: string;
  readonly rows: readonly string[];
  /** Shown as they are where they fit, else by number with a key below. */
  readonly columns: readonly string[];
  /** `[rows][columns]`; undefined or not finite where there is nothing to show. */
  readonly values: readonly (readonly (number | undefined)[])[];
  /** What the numbers are, for the legend. */
  readonly what: string;
  /** The magnitude that is darkest; by default the largest there is. */
  readonly full?: number | undefined;
  /** Digits after the point; 2 by default. */
  readonly digits?: number | undefined;
}

const GAP = " ";
const MAX_LABEL = 24;
/** A sign and two shades: the narrowest cell that can be read. */
const NARROW = 3;
const UNICODE_SHADES = [" ", "·", "░", "▒", "▓", "█"];
const ASCII_SHADES = [" ", ".", ":", "+", "*", "#"];
/** A value below this share of the full one is not worth a dot. */
const LEAST_SHARE = 0.005;

/** Draws a heat map: header, rows, the key of the columns where they have numbers, the legend of the shades. */
export function heatMapLines(map: HeatMap, style: Style): readonly string[] {
  const { alphabet, paint } = style;
  const scale = scaleOf(map, style);
  const rows = map.rows.map((label) => fit(visible(label, alphabet), MAX_LABEL, alphabet));
  const label = widest([map.corner, ...rows]);
  const columns = map.columns.map((column) => visible(column.trim() || column, alphabet));
  const room = style.width - label;
  const form = formOf(map, { columns, room, scale });
  const perBlock = Math.max(1, Math.floor(room / (form.width + GAP.length)));
  const blocks = Array.from({ length: Math.ceil(columns.length / perBlock) }, (_, block) =>
    columns.map((_column, at) => at).slice(block * perBlock, (block + 1) * perBlock),
  );
  const headings = form.isNumbered ? columns.map((_, at) => String(at)) : columns;
  const drawn = blocks.flatMap((block, index) => [
    ...(index > 0 ? [""] : []),
    paint.dim(
      [
        pad(map.corner, label, "left"),
        ...block.map((at) => pad(headings[at] ?? "", form.width, "left")),
      ].join(GAP),
    ),
    ...rows.map((row, at) =>
      [
        pad(row, label, "left"),
        ...block.map((column) => scale.cell(map.values[at]?.[column], form)),
      ]
        .join(GAP)
        .trimEnd(),
    ),
  ]);
  const key = columns.map((column, at) => `${at} ${column}`).join("  ");
  return [
    ...drawn,
    ...(form.isNumbered ? wrap(key, style.width, "  ").map((line) => paint.dim(line)) : []),
    ...wrap(scale.legend, style.width).map((line) => paint.dim(line)),
  ];
}

/** The same as a Markdown table, with the numbers in place of shades. */
export function heatMapMarkdown(map: HeatMap): readonly string[] {
  const digits = map.digits ?? 2;
  const cell = (value: number | undefined): string => (isShown(value) ? value.toFixed(digits) : "");
  const lines = [
    [map.corner, ...map.columns.map((column) => code(column))],
    [map.corner, ...map.columns].map(() => "---"),
    ...map.rows.map((row, at) => [
      code(row),
      ...map.columns.map((_, column) => cell(map.values[at]?.[column])),
    ]),
  ];
  return [`${map.what}:`, "", ...lines.map((columns) => `| ${columns.join(" | ")} |`)];
}

/** How wide a cell is, and whether it shows its number. */
interface Form {
  readonly width: number;
  readonly isWide: boolean;
  readonly isNumbered: boolean;
}

interface Scale {
  readonly numberWidth: number;
  readonly cell: (value: number | undefined, form: Form) => string;
  readonly legend: string;
}

function formOf(
  map: HeatMap,
  parts: {
    readonly columns: readonly string[];
    readonly room: number;
    readonly scale: Pick<Scale, "numberWidth">;
  },
): Form {
  const { columns, room, scale } = parts;
  const each = Math.floor(room / Math.max(1, columns.length)) - GAP.length;
  const wide = scale.numberWidth + 2;
  const isWide = each >= wide;
  const least = isWide ? wide : NARROW;
  const named = Math.max(least, widest(columns));
  if (named <= Math.max(each, least)) return { width: named, isWide, isNumbered: false };
  const numbered = Math.max(least, String(map.columns.length - 1).length);
  return { width: numbered, isWide, isNumbered: true };
}

function scaleOf(map: HeatMap, { alphabet, paint }: Style): Scale {
  const shades = alphabet.bar.length > 1 ? UNICODE_SHADES : ASCII_SHADES;
  const digits = map.digits ?? 2;
  const shown = map.values.flat().filter(isShown);
  const hasNegative = shown.some((value) => value < 0);
  const largest = shown.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const full = map.full ?? largest;
  const shadeOf = (value: number): string => {
    const share = full === 0 ? 0 : Math.min(1, Math.abs(value) / full);
    if (share < LEAST_SHARE) return shades[0] ?? " ";
    return shades[Math.min(shades.length - 1, 1 + Math.floor(share * (shades.length - 1)))] ?? " ";
  };
  const numberOf = (value: number): string => value.toFixed(digits).replace(/^-(0\.?0*)$/u, "$1");
  const numberWidth = shown.reduce((most, value) => Math.max(most, numberOf(value).length), 1);
  const cell = (value: number | undefined, { width, isWide }: Form): string => {
    if (!isShown(value)) return " ".repeat(width);
    const shade = shadeOf(value);
    const sign = hasNegative ? (value < 0 ? "-" : "+") : "";
    const text = isWide
      ? `${shade} ${pad(numberOf(value), numberWidth, "left")}`
      : `${shade.trim() === "" ? " " : sign}${shade.repeat(2)}`;
    const padded = pad(text, width, "left");
    return value < 0 ? paint.red(padded) : hasNegative ? paint.green(padded) : paint.cyan(padded);
  };
  const steps = shades
    .slice(1)
    .map((shade, step) => `${shade} ${numberOf((full * step) / (shades.length - 1))}`)
    .join("  ");
  return {
    numberWidth,
    cell,
    legend: `${map.what}: ${steps} and more${hasNegative ? "; - before a shade: below 0" : ""}`,
  };
}

function isShown(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}

/** Any text as a cell of a Markdown table. */
function code(text: string): string {
  const shown = text.replaceAll("`", "'").replaceAll("|", "\\|").replaceAll("\n", "\\n");
  return shown.trim() === "" ? `\`${shown}\`` : `\`${shown.trim()}\``;
}
