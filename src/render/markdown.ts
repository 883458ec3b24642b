/** A result as a Markdown table with a row for every cell, to paste into notes and issues. */
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import { hasFactors, placeColumns } from "./csv.ts";
import { alphabetOf, readable } from "./display-text.ts";
import { EFFECT_CAVEAT, effectsOf } from "./effects.ts";
import { heatMapMarkdown } from "./heat-map.ts";
import {
  CAVEAT,
  contrastLegend,
  evidenceLegend,
  interventionLegend,
  roundTripLegend,
} from "./legend.ts";
import { metricLabel, metricNames, metricRuns } from "./metric-figures.ts";
import { neighboursLine } from "./neighbours.ts";
import { nextTokensLine } from "./next-tokens.ts";
import { promptLine } from "./prompt-line.ts";
import { propagationMarkdown } from "./propagation.ts";
import { logprobOf, ownTextOf, verdictOf } from "./reading.ts";

const alphabet = alphabetOf(true);

/** Writes what was inspected, the table, what the target says without the vector, and the warnings. */
export function markdown(result: PatchscopeResult): string {
  const { read } = result.spec;
  const isGenerated = read.kind === "generate";
  const hasEvidence = result.cells.some(({ evidence }) => evidence !== undefined);
  const hasContrast = result.cells.some(({ evidenceContrast }) => evidenceContrast !== undefined);
  const hasTrips = result.cells.some(({ roundTrip }) => roundTrip !== undefined);
  const names = metricNames(result);
  const hasPoints = result.cells.some(({ at }) => at !== undefined);
  const header = [
    "source layer",
    "source position",
    "target layer",
    "target position",
    ...(hasFactors(result) ? ["factor"] : []),
    isGenerated ? "text" : read.kind === "neighbours" ? "nearest tokens" : "next tokens",
    "logprob",
    ...(hasEvidence ? ["evidence", "reading", "unpatched", "unrelated"] : []),
    ...(hasContrast ? ["contrast", "contrast set"] : []),
    ...(hasTrips ? ["round trip"] : []),
    ...names.map(escaped),
    ...(hasPoints ? ["at layer", "at position"] : []),
  ];
  const rows = result.cells.map((cell) => [
    ...placeColumns(cell),
    ...(hasFactors(result) ? [String(cell.factor ?? "")] : []),
    saidBy(cell),
    number(logprobOf(cell)),
    ...(hasEvidence ? evidenceColumns(cell) : []),
    ...(hasContrast
      ? [number(cell.evidenceContrast), numbers(cell.logprobUnder?.contrast ?? [])]
      : []),
    ...(hasTrips ? [number(cell.roundTrip?.centred)] : []),
    ...names.map((name) => metricLabel(name, cell.metrics?.[name])),
    ...(hasPoints ? [String(cell.at?.layer ?? ""), String(cell.at?.position ?? "")] : []),
  ]);
  const { unpatched, textOnly } = result.controls;
  const own = ownTextOf(result.spec);
  return [
    `**${result.models.map(({ name }) => escaped(name)).join(", ")}** · source ${code(promptLine(result, "source", Infinity, alphabet))} · target ${code(promptLine(result, "target", Infinity, alphabet))}`,
    "",
    ...[header, header.map(() => "---"), ...rows].map((columns) => `| ${columns.join(" | ")} |`),
    "",
    ...propagationMarkdown(result),
    ...(unpatched === undefined ? [] : [`Without the vector: ${saidBy(unpatched)}`, ""]),
    ...(textOnly === undefined
      ? []
      : [
          `${own === undefined ? "With the text in place of the vector" : `To ${code(own)}`}: ${saidBy(textOnly)}`,
          "",
        ]),
    ...effectLines(result),
    ...metricRuns(result).flatMap(({ label, values }) => [
      `${label}: ${names.map((name) => `${escaped(name)} ${metricLabel(name, values[name])}`).join(", ")}`,
      "",
    ]),
    ...(hasEvidence
      ? [`${evidenceLegend(result)} The other numbers: nats, over the same tokens.`]
      : []),
    ...contrastLegend(result),
    ...interventionLegend(result),
    ...roundTripLegend(result),
    CAVEAT,
    ...result.warnings.flatMap(({ message }) => ["", `Warning: ${escaped(message)}`]),
  ].join("\n");
}

/** The map of what the cells change, where they are one. */
function effectLines(result: PatchscopeResult): readonly string[] {
  const effects = effectsOf(result);
  if (effects === undefined) return [];
  return [...heatMapMarkdown(effects.map), "", escaped(effects.summary), EFFECT_CAVEAT, ""];
}

function saidBy(readOut: Pick<CellRecord, "text" | "next" | "neighbours">): string {
  if (readOut.neighbours !== undefined)
    return escaped(neighboursLine(readOut.neighbours, alphabet));
  if (readOut.text !== undefined) return escaped(readable(readOut.text, alphabet));
  return escaped(nextTokensLine(readOut.next, alphabet));
}

function evidenceColumns(cell: CellRecord): readonly string[] {
  return [
    number(cell.evidence),
    verdictOf(cell) ?? "",
    number(cell.logprobUnder?.unpatched),
    numbers(cell.logprobUnder?.unrelated ?? []),
  ];
}

function numbers(values: readonly number[]): string {
  return values.map(number).join(" ");
}

function number(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(2);
}

/** Keeps a text from being read as a column's end, a tag or emphasis. */
function escaped(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/gu, "\\$&");
}

function code(text: string): string {
  return `\`${text.replaceAll("`", "'")}\``;
}
