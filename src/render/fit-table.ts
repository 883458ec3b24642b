/** How good fitted maps are, beside no map at all, as lines for a terminal of 80 columns. */
import type { MapScores } from "../measure/map-scores.ts";

/** One map, by its layers. */
export interface FitRow {
  readonly source: number | "embedding";
  readonly target: number | "embedding";
  readonly scores?: MapScores | undefined;
  readonly identity?: MapScores | undefined;
}

/** What all maps have in common. */
export interface FitFacts {
  readonly model: string;
  /** Where the maps lead to another model's states: that model. */
  readonly targetModel?: string | undefined;
  /** Whether the maps take vectors of no layer; then `model` names where they are from. */
  readonly isOfVectors?: boolean | undefined;
  readonly kind: string;
  readonly target: number;
  readonly states: number;
  readonly heldOutStates: number;
  readonly data: string;
}

const LAYER = 9;
const FIGURE = 8;
const GAP = "  ";

/** A table: one line a layer, the map's figures, then those of the states as they are. */
export function fitTable(rows: readonly FitRow[], facts: FitFacts): string {
  const { model, targetModel, isOfVectors, kind, target, states, heldOutStates, data } = facts;
  const isAcross = targetModel !== undefined;
  const hasIdentity = rows.some(({ identity }) => identity !== undefined);
  const line = (layer: string, figures: readonly string[], before: readonly string[]): string =>
    layer.padStart(LAYER) + joined(figures) + (hasIdentity ? GAP + joined(before) : "");
  return [
    isOfVectors
      ? `${kind} maps from the vectors of ${model} to layers of ${targetModel ?? ""}`
      : isAcross
        ? `${kind} maps from layers of ${model} to layers of ${targetModel}`
        : `${model}  ${kind} maps to layer ${target}`,
    heldOutStates === 0
      ? `fitted on ${states} states, and not measured on others`
      : `fitted on ${states} states, measured on ${heldOutStates} others`,
    data,
    "",
    `${" ".repeat(LAYER)}${"fitted".padStart(4 * FIGURE)}${hasIdentity ? `${GAP}${"no map".padStart(4 * FIGURE)}` : ""}`,
    line("layer", HEADINGS, HEADINGS),
    ...rows.map(({ source, target: to, scores, identity }) =>
      line(
        isOfVectors ? String(to) : isAcross ? `${source} > ${to}` : String(source),
        figuresOf(scores),
        figuresOf(identity),
      ),
    ),
    "",
    `p@1: how often the likeliest next token behind the state is ${isAcross ? `${targetModel}'s` : "the model's"} own.`,
    "nats: how unlikely the model itself finds that token, on average (surprisal).",
    "R2, cos: how near the states come to the model's own at the target layer.",
  ].join("\n");
}

const HEADINGS = ["p@1", "nats", "R2", "cos"];

function figuresOf(scores: MapScores | undefined): readonly string[] {
  if (scores === undefined) return HEADINGS.map(() => "");
  const { precision1, surprisal, r2, cosine } = scores;
  return [`${(100 * precision1).toFixed(1)}%`, surprisal.toFixed(2), share(r2), share(cosine)];
}

/** Two digits; what is far below 0 says no more than that. */
function share(value: number): string {
  return value < -9.99 ? "<-10" : value.toFixed(2);
}

function joined(figures: readonly string[]): string {
  return figures.map((figure) => figure.padStart(FIGURE)).join("");
}
