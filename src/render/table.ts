/**
 * A result as a table for a terminal, with words around it that say how to read it.
 * Everything is readable without colour. What to do next is the command line's to say.
 */
import type { PatchscopeResult } from "../result/result.ts";
import type { MappingSpec, ModeSpec } from "../spec/spec.ts";
import { markedPrompt, visible, widthOf, wrap } from "./display-text.ts";
import { gridLines } from "./grid.ts";
import { BY_LAYER, EFFECT_CAVEAT, effectsOf, effectWords, type Effects } from "./effects.ts";
import { heatMapLines } from "./heat-map.ts";
import { interventionLegend, legendOf, summaryOf } from "./legend.ts";
import { placesOf } from "./reading.ts";
import { sectionsOf, shapeOf } from "./rows.ts";
import type { Shape } from "./rows.ts";
import { styleOf } from "./style.ts";
import type { Style, TableOptions } from "./style.ts";
import { tableLines } from "./table-lines.ts";

/** Draws a result of any shape. Ends without a line break. */
export function table(result: PatchscopeResult, options: TableOptions): string {
  const style = styleOf(options);
  const shape = shapeOf(result);
  const effects = effectsOf(result);
  if (effects !== undefined) return effectTable(result, effects, style);
  const body =
    (shape.isGrid ? gridLines(result, style) : undefined) ??
    tableLines(sectionsOf(result), result, shape, style);
  const summary = summaryOf(result, shape, style);
  return [
    ...titleLines(result, whatHappens(result, shape), style),
    "",
    ...body,
    "",
    ...(summary === undefined ? [] : wrap(summary, style.width)),
    ...wrap(legendOf(result, style), style.width).map((line) => style.paint.dim(line)),
    ...warningLines(result, style),
  ].join("\n");
}

/** A result whose cells are a map of what they change. */
function effectTable(result: PatchscopeResult, effects: Effects, style: Style): string {
  const isByLayer = effects.map.corner === BY_LAYER;
  const words = isByLayer ? whatHappens(result, shapeOf(result)) : effectWords(result);
  const legend = [...interventionLegend(result), EFFECT_CAVEAT].join(" ");
  return [
    ...titleLines(result, words, style),
    "",
    ...heatMapLines(effects.map, style),
    "",
    ...wrap(effects.summary, style.width),
    ...wrap(legend, style.width).map((line) => style.paint.dim(line)),
    ...warningLines(result, style),
  ].join("\n");
}

function titleLines(result: PatchscopeResult, words: string, style: Style): readonly string[] {
  const { alphabet, paint, width } = style;
  const seconds = (result.timing.runMs / 1000).toFixed(1);
  const facts = [
    ...result.models.flatMap(({ name, layers, precision }, index) => [
      `${index === 0 ? "" : "read by "}${visible(name, alphabet)}`,
      `${layers} layers`,
      precision,
    ]),
    `${result.engine.name} on ${result.engine.device}`,
    ...(style.isPartial ? [] : [`${seconds} s`]),
  ];
  const labels = ["source", "target"] as const;
  const title = facts.reduce((line, fact) => {
    const longer = `${line} ${alphabet.dot} ${fact}`;
    return widthOf(longer) > width ? line : longer;
  });
  return [
    paint.bold(title),
    ...labels.map(
      (side) =>
        `${paint.dim(side)}  ${markedPrompt(result[side], width - side.length - 2, alphabet)}`,
    ),
    ...wrap(words, width).map((line) => paint.dim(line)),
  ];
}

function whatHappens(result: PatchscopeResult, shape: Shape): string {
  if (result.cells.every((cell) => placesOf(cell).length === 0)) {
    const read =
      result.spec.read.kind === "generate" ? "the model goes on" : "the next token is read";
    return `Nothing is written into the target: ${read} as it is, with all interventions in effect.`;
  }
  if (shape.rowsAre === "writes") {
    return "A row is one run with several states replaced: source layer@position > target layer@position.";
  }
  const from =
    shape.rowsAre === "source layers" ? "at one layer" : `at ${layerName(shape.sourceLayer)}`;
  const to = shape.isSameLayer ? "at the same layer" : `at ${layerName(shape.targetLayer)}`;
  const read =
    result.spec.read.kind === "generate" ? "then the model goes on" : "then the next token is read";
  const { mapping, target } = result.spec;
  const state = `The state of the source's [token] ${from}${MAPPED[mapping.kind]}`;
  return `${state} ${writtenOver(target.mode)} the one of the target's [token] ${to}; ${read}.`;
}

const MAPPED: Readonly<Record<MappingSpec["kind"], string>> = {
  identity: "",
  scale: ", scaled,",
  normalise: ", normalised,",
  file: ", mapped,",
};

function writtenOver(mode: ModeSpec): string {
  if (typeof mode === "object") return `is mixed (${mode.interpolate} of it) into`;
  switch (mode) {
    case "replace":
      return "replaces";
    case "add":
      return "is added to";
    case "norm-matched":
      return "replaces, at the same norm,";
  }
}

function layerName(layer: Shape["sourceLayer"]): string {
  if (layer === undefined) return "each layer";
  return layer === "embedding" ? "the embedding" : `layer ${layer}`;
}

function warningLines(
  result: PatchscopeResult,
  { width, alphabet, paint }: Style,
): readonly string[] {
  return result.warnings.flatMap(({ message }) => {
    const lines = wrap(`! ${visible(message, alphabet)}`, width, "  ");
    return ["", ...lines.map((line) => paint.yellow(line))];
  });
}
