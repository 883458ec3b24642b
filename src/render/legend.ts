/** Sentences under a table: what it shows, how its numbers are meant, and what they do not say. */
import { EVIDENCE_THRESHOLD, EVIDENCE_TOKENS } from "../measure/evidence.ts";
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import type { LayerName, NoiseSpec, Padding } from "../spec/spec.ts";
import { isStrong, wordShares } from "./evidence-words.ts";
import { dependsOnVector, ownTextOf, placesOf, TEXT_ITSELF, verdictOf } from "./reading.ts";
import { layersLabel } from "./rows.ts";
import type { Shape } from "./rows.ts";
import type { Style } from "./style.ts";

/** Says which read-outs depend on the vector, and of several factors which one has the most evidence. */
export function summaryOf(
  result: PatchscopeResult,
  shape: Shape,
  style: Style,
): string | undefined {
  const summary = dependingOf(result, shape, style);
  const best = shape.hasFactors ? mostEvidence(result.cells) : undefined;
  return [summary, best].filter((part) => part !== undefined).join(" ") || undefined;
}

function mostEvidence(cells: readonly CellRecord[]): string | undefined {
  const judged = cells.filter(({ evidence }) => evidence !== undefined);
  const best = judged.reduce<CellRecord | undefined>(
    (most, cell) => ((cell.evidence ?? 0) > (most?.evidence ?? -Infinity) ? cell : most),
    undefined,
  );
  const [place] = best === undefined ? [] : placesOf(best);
  if (best?.evidence === undefined || place === undefined) return undefined;
  const factor = best.factor === undefined ? "" : ` *${best.factor}`;
  return `Most evidence: layer ${layersLabel([place.source.layer])}${factor} (${best.evidence.toFixed(1)} nats).`;
}

function dependingOf(result: PatchscopeResult, shape: Shape, style: Style): string | undefined {
  const judged = result.cells.filter((cell) => cell.evidence !== undefined);
  if (judged.length === 0) {
    return style.isPartial
      ? "Evidence is being computed: would the prompt say this anyway?"
      : undefined;
  }
  const unsaid = judged.filter((cell) => verdictOf(cell) === "the prompt alone does not say this");
  if (unsaid.length > 0)
    return `The prompt alone does not say ${unsaid.length} of ${judged.length} read-outs. Whether they depend on this vector, unrelated states would tell.`;
  const depending = judged.filter((cell) => dependsOnVector(verdictOf(cell)));
  if (depending.length === 0)
    return "No read-out depends on the vector: the prompt says all this anyway.";
  const isCounted =
    shape.isGrid || shape.hasFactors || shape.sourcePositions > 1 || shape.rowsAre === "writes";
  const which = (cells: readonly CellRecord[]): string =>
    isCounted ? `${cells.length} of ${judged.length} read-outs` : layersOf(cells, shape, style);
  const first =
    depending.length === judged.length
      ? "Every read-out depends on the vector."
      : `Depends on the vector: ${which(depending)}. The prompt says the others anyway.`;
  if (depending.every(({ evidenceContrast }) => evidenceContrast === undefined)) return first;
  const own = depending.filter((cell) => verdictOf(cell) === "is about this source");
  const second =
    own.length === depending.length
      ? "All of that is about this source."
      : `About this source: ${own.length === 0 ? "none" : which(own)}; what is left fits others of its kind.`;
  return `${first} ${second}`;
}

function layersOf(cells: readonly CellRecord[], shape: Shape, { alphabet }: Style): string {
  const layers = cells.flatMap((cell) =>
    placesOf(cell).map(({ source, target }): LayerName =>
      shape.rowsAre === "source layers" ? source.layer : target.layer,
    ),
  );
  // A cell that writes several vectors at one layer has it several times.
  const distinct = [...new Set(layers)];
  const label = layersLabel(distinct).replaceAll("–", alphabet.range);
  return `${distinct.length === 1 ? "layer" : "layers"} ${label}`;
}

/** What every rendering says of what it shows. */
export const CAVEAT =
  "A read-out is what can be decoded from a state: not that it is stored there, or used, or true.";

/** Explains the numbers of a table, and what a read-out does not say. */
export function legendOf(result: PatchscopeResult, style: Style): string {
  const hasEvidence = style.isPartial || result.cells.some((cell) => cell.evidence !== undefined);
  const perToken = `p/token: the model's probability of a token, averaged over the first ${EVIDENCE_TOKENS}.`;
  return [
    ...(hasEvidence ? [evidenceLegend(result)] : []),
    ...(style.isColoured && hasBrightWords(result) ? [BRIGHT_WORDS] : []),
    ...contrastLegend(result),
    ...interventionLegend(result),
    ...controlsLegend(result),
    ...roundTripLegend(result),
    ...(result.spec.read.kind === "generate" ? [perToken] : []),
    CAVEAT,
  ].join(" ");
}

const BRIGHT_WORDS = "Bright words carry 1 nat of it or more each.";

function hasBrightWords({ cells }: PatchscopeResult): boolean {
  return cells.some(
    (cell) => dependsOnVector(verdictOf(cell)) && (wordShares(cell) ?? []).some(isStrong),
  );
}

/** Says what the controls are for that are not part of the evidence. */
function controlsLegend({ spec, controls, cells }: PatchscopeResult): readonly string[] {
  const hasVectors = cells.some(
    ({ logprobUnder }) => logprobUnder?.mean !== undefined || logprobUnder?.random !== undefined,
  );
  return [
    ...(controls.textOnly === undefined ? [] : [textLegend(ownTextOf(spec))]),
    ...(hasVectors
      ? ["The numbers under mean and random vectors are in the JSON and CSV forms."]
      : []),
  ];
}

function textLegend(own: string | undefined): string {
  return own === undefined
    ? "the text instead: the model reads the source's text in the vector's place; what it says then needs no vector."
    : `${TEXT_ITSELF}: the model reads ${JSON.stringify(own)} and goes on; what it says then needs no vector.`;
}

/** Says what a round trip is, where there is one. */
export function roundTripLegend({ cells }: PatchscopeResult): readonly string[] {
  if (cells.every(({ roundTrip }) => roundTrip === undefined)) return [];
  return [
    "round trip: how near reading the text by itself comes to the state: the cosine, both less the mean of unrelated sentences' states; about 0 is no nearer than any text.",
  ];
}

/** Says what a contrast set adds, where there is one. */
export function contrastLegend({ controls }: PatchscopeResult): readonly string[] {
  const count = controls.contrast?.length ?? 0;
  if (count === 0) return [];
  const others = count === 1 ? "the other source" : `the ${count} other sources`;
  return [
    `contrast (nats): the same against ${others} in its place; from ${EVIDENCE_THRESHOLD.toFixed(1)} on a read-out is about this source, below it fits others of its kind.`,
  ];
}

/** Says what else was done to the target's run, where anything was: nobody should take it for the model's usual one. */
export function interventionLegend({ spec }: PatchscopeResult): readonly string[] {
  const everywhere = spec.interventions.filter((each) => !("sweep" in each));
  const count = everywhere.filter(({ kind }) => kind === "attention-knockout").length;
  const knockouts = count === 1 ? "An attention knockout is" : `${count} attention knockouts are`;
  const noise = everywhere.find((each) => each.kind === "noise");
  const ablated = everywhere.some(({ kind }) => kind === "ablation");
  return [
    ...(count === 0 ? [] : [`${knockouts} in effect in the target's run, without the patch too.`]),
    ...(ablated ? ["States of the target's run are ablated, without the patch too."] : []),
    ...(noise === undefined ? [] : [noiseWords(noise)]),
    ...everywhere.flatMap((each) =>
      each.kind === "soft-prompt"
        ? [`Vectors of ${each.file} stand for tokens of the target, without the patch too.`]
        : [],
    ),
    ...CONTAMINATIONS[spec.target.contamination],
    ...(spec.compat === undefined ? [] : [AS_PAIR]),
    ...(typeof spec.compat === "object" ? [paddingWords(spec.compat.padding)] : []),
  ];
}

const AS_PAIR =
  "As the paper's code does it (compat: pair): the last layer's state is read behind the final norm.";

function paddingWords({ source, target }: Padding): string {
  return `Its batches are filled up on the left: ${source} tokens before the source, ${target} before the target.`;
}

const CONTAMINATIONS: Readonly<
  Record<PatchscopeResult["spec"]["target"]["contamination"], readonly string[]>
> = {
  keep: [],
  hide: ["Later tokens do not see patched tokens in blocks that have not read the vector yet."],
  overwrite: ["Patched tokens' keys and values are of the vector in the blocks below it too."],
};

function noiseWords({ scale, samples }: NoiseSpec): string {
  const mean = samples === 1 ? "" : `; all numbers are means over ${samples} draws`;
  return `The target's run has noise of ${scale} standard deviations on the embeddings marked *${mean}.`;
}

/** Says what evidence is, with the controls that there were. */
export function evidenceLegend({ controls }: PatchscopeResult): string {
  const { unrelated = [] } = controls;
  const isOfFile = unrelated.some((other) => !("prompt" in other));
  const others = isOfFile
    ? `with ${unrelated.length} other vectors of the file`
    : `with the vectors of ${unrelated.length} unrelated sentences`;
  const threshold = EVIDENCE_THRESHOLD.toFixed(1);
  const measured = `evidence (nats): how much likelier the first ${EVIDENCE_TOKENS} tokens are with the vector than without it`;
  return unrelated.length === 0
    ? `${measured}. Below ${threshold} the prompt says this anyway; from there on it does not by itself, but states of anything often make it say the same (docs/trust.md).`
    : `${measured} or ${others}. From ${threshold} on (20 times) they depend on the vector; below, the prompt says this anyway.`;
}
