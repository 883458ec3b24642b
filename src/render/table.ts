/**
 * A result as a table for a terminal, with words around it that say how to read it.
 * Everything is readable without colour. What to do next is the command line's to say.
 */
import type { PatchscopeResult } from "../result/result.ts";
import type { MappingSpec, MappingStep, ModeSpec, ReadSpec } from "../spec/spec.ts";
import { visible, widthOf, wrap } from "./display-text.ts";
import { gridLines } from "./grid.ts";
import { BY_LAYER, EFFECT_CAVEAT, effectsOf, effectWords, type Effects } from "./effects.ts";
import { heatMapLines } from "./heat-map.ts";
import { interventionLegend, legendOf, summaryOf } from "./legend.ts";
import { promptLine } from "./prompt-line.ts";
import { propagationLines } from "./propagation.ts";
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
    propagationLines(result, style) ??
    (shape.isGrid && !shape.hasFactors ? gridLines(result, style) : undefined) ??
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
  const isTargetRun = result.spec.read.kind !== "neighbours";
  const labels = isTargetRun ? (["source", "target"] as const) : (["source"] as const);
  const title = facts.reduce((line, fact) => {
    const longer = `${line} ${alphabet.dot} ${fact}`;
    return widthOf(longer) > width ? line : longer;
  });
  return [
    paint.bold(title),
    ...labels.map(
      (side) =>
        `${paint.dim(side)}  ${promptLine(result, side, width - side.length - 2, alphabet)}`,
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
  const read = THEN[result.spec.read.kind];
  const { mapping, target, read: reading } = result.spec;
  const { sources, targets } = tokensOfCell(result);
  const isOne = sources === 1;
  const isOfFile = "file" in result.spec.source && shape.isSameLayer;
  const state = isOfFile
    ? `the ${isOne ? "vector" : "vectors"} of the file${mappedBy(mapping)}`
    : `the ${isOne ? "state" : "states"} of the source's ${marked(sources)} ${from}${mappedBy(mapping)}`;
  if (reading.kind === "neighbours") {
    return `The tokens whose rows of the ${reading.of} embedding lie nearest to ${state} by cosine.`;
  }
  const theirs = isOfFile
    ? `the ${targets === 1 ? "state" : "states"}`
    : targets === 1
      ? "the one"
      : "those";
  const [layer, ...others] = new Set(
    result.cells.flatMap(placesOf).map((place) => place.target.layer),
  );
  const ofFile = others.length === 0 ? `at ${layerName(layer)}` : "at one layer";
  const lengths =
    target.mode === "norm-scaled"
      ? `, its length relative to ${targets === 1 ? "that one's" : "theirs"}`
      : "";
  return `T${state.slice(1)} ${writtenOver(target.mode, isOne)} ${theirs} of the target's ${marked(targets)} ${isOfFile ? ofFile : to}${lengths}; ${read}.`;
}

/** How many tokens a cell reads, and how many it writes over. */
function tokensOfCell({ cells }: PatchscopeResult): Record<"sources" | "targets", number> {
  const places = cells.map(placesOf).find((each) => each.length > 0) ?? [];
  return {
    sources: new Set(places.map(({ source }) => source.position)).size,
    targets: new Set(places.map(({ target }) => target.position)).size,
  };
}

function marked(tokens: number): string {
  return tokens === 1 ? "[token]" : "[tokens]";
}

const THEN: Readonly<Record<ReadSpec["kind"], string>> = {
  generate: "then the model goes on",
  "next-token": "then the next token is read",
  neighbours: "",
  propagation: "then the run is held against the one without the patch",
};

/** What happens to the state on its way, in words. */
function mappedBy(mapping: MappingSpec): string {
  const said = [mapping]
    .flat()
    .map(wordsOf)
    .filter((word) => word !== "");
  return said.length === 0 ? "" : `, ${said.join(", ")},`;
}

function wordsOf(step: MappingStep): string {
  switch (step.kind) {
    case "identity":
      return "";
    case "scale":
      return "scaled";
    case "normalise":
      return "normalised";
    case "scalar-affine":
      return "scaled and moved";
    case "file":
      return "mapped";
    case "mean":
      return `averaged with ${step.with.join(", ")}`;
    case "difference":
      return `less ${step.with.length > 1 ? "the mean of " : ""}${step.with.join(", ")}`;
    case "projection":
      return `${step.remove ? "without what lies in" : "projected onto"} ${step.onto.join(", ")}`;
    case "interpolation":
      return `mixed with ${step.with}`;
  }
}

function writtenOver(mode: ModeSpec, isOne: boolean): string {
  const [is, replaces] = isOne ? ["is", "replaces"] : ["are", "replace"];
  if (typeof mode === "object") return `${is} mixed (${mode.interpolate} of it) into`;
  switch (mode) {
    case "replace":
      return replaces;
    case "add":
      return `${is} added to`;
    case "norm-matched":
      return `${replaces}, at the same norm,`;
    case "norm-scaled":
      return replaces;
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
