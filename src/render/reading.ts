/**
 * What a cell says, as the numbers and words that every rendering uses. The rule behind the words:
 * a read-out whose evidence is at least ln 20 depends on the vector; below, the target prompt says it anyway. Held against
 * a contrast set as well, it is about this source, or fits others of its kind just as well. Held against the prompt alone, it is
 * no more than what the prompt does not say: the states of anything may bring it about (docs/trust.md).
 */
import { EVIDENCE_THRESHOLD, EVIDENCE_TOKENS } from "../measure/evidence.ts";
import type { CellRecord, PlaceRecord, ReadOutRecord } from "../result/result.ts";
import type { LayerName, PatchscopeSpec } from "../spec/spec.ts";

export type Verdict =
  | "depends on the vector"
  | "the prompt alone does not say this"
  | "the prompt says this anyway"
  | "is about this source"
  | "fits others of its kind";

/** Puts evidence into words; `undefined` where there is none. */
export function verdictOf(cell: {
  readonly evidence?: number | undefined;
  readonly evidenceContrast?: number | undefined;
  readonly logprobUnder?: CellRecord["logprobUnder"];
}): Verdict | undefined {
  const { evidence, evidenceContrast, logprobUnder } = cell;
  if (evidence === undefined) return undefined;
  if (evidence < EVIDENCE_THRESHOLD) return "the prompt says this anyway";
  if (evidenceContrast === undefined) {
    const isAgainstPromptAlone =
      logprobUnder !== undefined && (logprobUnder.unrelated ?? []).length === 0;
    return isAgainstPromptAlone ? "the prompt alone does not say this" : "depends on the vector";
  }
  return evidenceContrast < EVIDENCE_THRESHOLD ? "fits others of its kind" : "is about this source";
}

/** Whether a verdict is that the read-out comes from the vector. */
export function dependsOnVector(verdict: Verdict | undefined): boolean {
  return (
    verdict === "depends on the vector" ||
    verdict === "is about this source" ||
    verdict === "fits others of its kind"
  );
}

/** Log-probability in nats of the tokens that evidence is about; of the most probable token where none was generated. */
export function logprobOf(readOut: ReadOutRecord): number | undefined {
  if (readOut.logprobs === undefined) return readOut.next[0]?.logprob;
  if (readOut.logprobs.length === 0) return undefined;
  return readOut.logprobs.slice(0, EVIDENCE_TOKENS).reduce((sum, logprob) => sum + logprob, 0);
}

/** The probability per token: the geometric mean over the tokens that evidence is about. */
export function probabilityPerToken(readOut: ReadOutRecord): number | undefined {
  const logprob = logprobOf(readOut);
  if (logprob === undefined) return undefined;
  const tokens = readOut.logprobs?.length ?? 1;
  return Math.exp(logprob / Math.min(tokens, EVIDENCE_TOKENS));
}

/** The source and target of every write of a cell: one, unless the cell writes several vectors. */
export function placesOf(
  cell: CellRecord,
): readonly { readonly source: PlaceRecord; readonly target: PlaceRecord }[] {
  return "writes" in cell ? cell.writes : [{ source: cell.source, target: cell.target }];
}

/** As {@link placesOf}; a cell that is a window around a point of a sweep is at that point. */
export function pointsOf(
  cell: CellRecord,
): readonly { readonly source: PlaceRecord; readonly target: PlaceRecord }[] {
  const { at } = cell;
  if (at?.layer === undefined) return placesOf(cell);
  const place = { layer: at.layer, position: at.position ?? 0 };
  return [{ source: place, target: place }];
}

/** A layer as tables name it. */
export function layerLabel(layer: LayerName): string {
  return layer === "embedding" ? "emb" : String(layer);
}

/** What the control's own text is called in tables, where it has one instead of the source's in the vector's place. */
export const TEXT_ITSELF = "the text itself";

/** That text. */
export function ownTextOf({ controls }: PatchscopeSpec): string | undefined {
  return controls.find((each) => each.kind === "text-only")?.prompt;
}
