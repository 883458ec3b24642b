/** The lists of `patchscopes models`: catalogue and families, for people in any width and for programs. */
import { downloadBytes, type Fidelity } from "../models/catalogue-entry.ts";
import type { KeptWeights } from "../models/converted/converted-weights.ts";
import type { ListedFamily } from "../models/families/families.ts";
import type { ListedModel } from "../models/find.ts";
import { pad, widest, wrap } from "../render/display-text.ts";

const OTHERS =
  "Other models of the families that can be run (`patchscopes models --families`) are named as OWNER/NAME on the Hugging Face Hub, a folder in its layout, a .gguf or a .safetensors file.";
const GATED = "Gated models: accept the terms on the model's page of the Hub and set HF_TOKEN.";
const MIXTURES = "Mixtures of experts and whatever else is not built are refused by name.";

/** The catalogue as a table, and what converted weights take. */
export function modelsTable(
  models: readonly ListedModel[],
  kept: KeptWeights,
  width: number,
): string {
  const rows = models.map(({ entry, cached }) => [
    entry.name,
    sizeText(downloadBytes(entry)).padStart(8),
    countText(entry.parameters).padStart(7),
    cached === undefined ? "" : "yes",
    entry.licence,
  ]);
  const details = models.map(({ entry }) => [
    entry.isGated ? `${entry.description}; gated` : entry.description,
    ...(entry.fidelity ?? []).map(fidelityLine),
  ]);
  const head = ["name", "download", "weights", "here", "licence"];
  const notes = [GATED, OTHERS, keptNote(kept)].flatMap((note) => ["", ...wrap(note, width)]);
  return [tableOf([head, ...rows], [[], ...details], width), ...notes].join("\n");
}

function keptNote({ bytes, limit }: KeptWeights): string {
  return `Converted weights, kept for a quick start: ${sizeText(bytes)} of at most ${sizeText(limit)} (PATCHSCOPES_CONVERTED_GB).`;
}

/** The catalogue as JSON; `bytes` of a whole repository are about right. */
export function modelsJson(models: readonly ListedModel[]): string {
  const listed = models.map(({ entry, cached }) => ({
    name: entry.name,
    description: entry.description,
    licence: entry.licence,
    parameters: entry.parameters,
    bytes: downloadBytes(entry),
    gated: entry.isGated,
    cached: cached !== undefined,
    path: cached?.path ?? null,
    hub: entry.kind === "file" ? `${entry.hub.repo}/${entry.hub.file}` : entry.repo,
    fidelity: entry.fidelity ?? [],
  }));
  return JSON.stringify(listed, null, 2);
}

/** The families as a table. */
export function familiesTable(families: readonly ListedFamily[], width: number): string {
  const rows = families.map(({ title, modelTypes, ggufArchitectures }) => [
    title,
    modelTypes.join(", "),
    ggufArchitectures.join(", "),
  ]);
  const details = families.map(({ particular, limits }) => [
    particular,
    ...(limits === undefined ? [] : [`limits: ${limits}`]),
  ]);
  const head = ["family", "model_type", "GGUF architecture"];
  return [tableOf([head, ...rows], [[], ...details], width), "", ...wrap(MIXTURES, width)].join(
    "\n",
  );
}

/** The families as JSON. */
export function familiesJson(families: readonly ListedFamily[]): string {
  const listed = families.map((family) => ({ ...family, limits: family.limits ?? null }));
  return JSON.stringify(listed, null, 2);
}

/** Columns as wide as they must be, and under each row its details, indented. */
function tableOf(
  rows: readonly (readonly string[])[],
  details: readonly (readonly string[])[],
  width: number,
): string {
  const columns = rows[0]?.map((_, column) => widest(rows.map((row) => row[column] ?? ""))) ?? [];
  const lines = rows.flatMap((row, index) => [
    row
      .map((cell, column) => pad(cell, columns[column] ?? 0))
      .join("  ")
      .trimEnd(),
    ...(details[index] ?? []).flatMap((detail) =>
      wrap(detail, width - 2).map((line) => `  ${line}`),
    ),
  ]);
  return lines.join("\n");
}

function sizeText(bytes: number): string {
  return bytes < 999.5e6 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function countText(parameters: number): string {
  return parameters < 999.5e6
    ? `${(parameters / 1e6).toFixed(0)} M`
    : `${(parameters / 1e9).toFixed(2)} B`;
}

/** What `models verify` has measured. */
function fidelityLine({ precision, top1, klWorst }: Fidelity): string {
  return `${precision}: ${top1.count} of ${top1.of} next tokens as in float32, KL at most ${klWorst.toExponential(0)} nats`;
}
