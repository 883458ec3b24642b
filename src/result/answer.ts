/** What `ask` gives: one answer with the read-outs behind it, as plain data with its provenance. */
import type { CellEvidence, ModelRecord, PatchscopeResult, PromptRecord } from "./result.ts";

/** One read-out of the source. */
export interface AnswerReadOut extends CellEvidence {
  /** Index of the wording. */
  readonly wording: number;
  readonly source: { readonly layer: number; readonly position: number };
  readonly target: { readonly layer: number; readonly position: number };
  readonly tokens: readonly number[];
  readonly text: string;
  /** Of each token, in nats. */
  readonly logprobs: readonly number[];
}

/** A possible answer. */
export interface AnswerRecord {
  readonly answer: string;
  /** From the threshold on, it stands out. */
  readonly score: number;
  /** Shares of the read-outs that say it: of the source, and of the contrast set. */
  readonly share: number;
  readonly contrastShare: number;
  /** Indices of the read-outs that have the phrase. */
  readonly saidBy: readonly number[];
  /** The median evidence of those, in nats. */
  readonly evidence?: number;
}

/** The result of `ask`. */
export interface AskResult {
  readonly version: 1;
  readonly question: {
    /** Absent where the wordings are the user's own. */
    readonly name?: string;
    readonly asks?: string;
    readonly wordings: readonly {
      readonly text: string;
      readonly weight: number;
      /** What the wording says without a vector. */
      readonly unpatched: string;
    }[];
  };
  readonly source: PromptRecord;
  readonly models: readonly ModelRecord[];
  /** What the source was held against. */
  readonly contrast: readonly string[];
  /** The score from which an answer stands out, where its evidence is from ln 20 on, too. */
  readonly threshold: number;
  /** Absent where nothing stands out. */
  readonly answer?: AnswerRecord;
  /** The candidates, best first; the answer too. */
  readonly ranked: readonly AnswerRecord[];
  readonly readOuts: readonly AnswerReadOut[];
  readonly engine: PatchscopeResult["engine"];
  readonly timing: PatchscopeResult["timing"];
}
