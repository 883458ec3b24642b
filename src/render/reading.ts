/**
 * What a cell says, as the numbers and words that every rendering uses. The rule behind the words:
 * a read-out whose evidence is at least ln 20 depends on the vector; below, the target prompt says it anyway.
 */
import { EVIDENCE_THRESHOLD, EVIDENCE_TOKENS } from "../measure/evidence.ts";
import type { CellRecord, PlaceRecord, ReadOutRecord } from "../result/result.ts";
import type { LayerName } from "../spec/spec.ts";

export type Verdict = "depends on the vector" | "the prompt says this anyway";

/** Puts evidence into words. */
export function verdictOf(evidence: number): Verdict {
  return evidence >= EVIDENCE_THRESHOLD ? "depends on the vector" : "the prompt says this anyway";
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

/** A layer as tables name it. */
export function layerLabel(layer: LayerName): string {
  return layer === "embedding" ? "emb" : String(layer);
}
