/** The result, version 1: plain data with its provenance. Field by field as the contract of spec and result files says. */
import type { Site } from "../site.ts";
import type { LayerName, OtherVector, PatchscopeSpec } from "../spec/spec.ts";

export interface ModelRecord {
  readonly name: string;
  readonly architecture: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly weights: string;
  readonly precision: string;
}

export interface PromptRecord {
  readonly tokens: readonly number[];
  /** Each token as text. */
  readonly pieces: readonly string[];
  /** Absolute indices of what is read (source), written (target) or put in (text-only). */
  readonly positions: readonly number[];
}

/** A place of a hidden state; indices resolved, never negative. */
export interface PlaceRecord {
  readonly layer: LayerName;
  readonly position: number;
}

export interface NextToken {
  readonly token: number;
  readonly piece: string;
  /** Natural logarithm. */
  readonly logprob: number;
}

/** Metrics by their names: probabilities as they are, all other numbers in nats or counts. */
export type MetricValues = Readonly<Record<string, number>>;

/** What was read: generated tokens where tokens were generated, and the first token's top K. */
export interface ReadOutRecord {
  readonly tokens?: readonly number[];
  readonly text?: string;
  /** Of each generated token, in nats. */
  readonly logprobs?: readonly number[];
  readonly next: readonly NextToken[];
  readonly metrics?: MetricValues;
}

/** The source, and where metrics were asked for what its own run says next: the run that they are held against. */
export interface SourceRecord extends PromptRecord {
  readonly metrics?: MetricValues;
  readonly next?: readonly NextToken[];
}

/** The target, and which of its tokens have noise on their embeddings. */
export interface TargetRecord extends PromptRecord {
  readonly noised?: readonly number[];
}

/** A token whose row of an embedding lies near a vector. */
export interface NeighbourRecord {
  readonly token: number;
  readonly piece: string;
  readonly cosine: number;
  /** Of vector and row as they are. */
  readonly dot: number;
}

/** How near a text, read by itself, comes to the state that it was read from: cosines at the source's layer and site. */
export interface RoundTripRecord {
  readonly cosine: number;
  /** Of the state with that of each unrelated sentence. */
  readonly unrelated: readonly number[];
  /** As `cosine`, both states less the mean of the unrelated sentences'. */
  readonly centred: number;
}

/** What a patch changes: the states of its run beside those of the run without it. */
export interface PropagationRecord {
  /** The blocks behind which they are compared. */
  readonly layers: readonly number[];
  /** Tokens of the target prompt. */
  readonly positions: readonly number[];
  /** `[layers][positions]`: the length of their difference, in lengths of the unpatched state. */
  readonly difference: readonly (readonly number[])[];
  /** `[layers][positions]` */
  readonly cosine: readonly (readonly number[])[];
  /** `[layers][positions]`: by the logit lens, the divergence of the patched next token's distribution from the unpatched one's, in nats. */
  readonly kl: readonly (readonly number[])[];
}

export type CellPlaces =
  | { readonly source: PlaceRecord; readonly target: PlaceRecord }
  | { readonly writes: readonly { readonly source: PlaceRecord; readonly target: PlaceRecord }[] };

export interface CellEvidence {
  /** Nats over the first 8 tokens: log p(y | vector) - max(log mean p(y | unrelated), log p(y | unpatched)). */
  readonly evidence?: number;
  /** Each of these tokens' share of it, in nats. */
  readonly evidenceByToken?: readonly number[];
  /** What each of these tokens adds to `text`: of a character that several tokens write, the last has it whole. */
  readonly evidencePieces?: readonly string[];
  /** As `evidence`, with the sources of the contrast set in place of the unrelated sentences. */
  readonly evidenceContrast?: number;
  readonly evidenceContrastByToken?: readonly number[];
  /** Log-probability of the first 8 tokens without the patch, and with each control's vector, in nats. */
  readonly logprobUnder?: {
    readonly unpatched?: number;
    readonly unrelated?: readonly number[];
    readonly contrast?: readonly number[];
    /** With the mean of the unrelated sentences' states. */
    readonly mean?: number;
    readonly random?: readonly number[];
  };
}

/** What is done in one cell alone: absolute places, ascending. */
export type InterventionRecord =
  | {
      readonly kind: "attention-knockout";
      readonly layers: readonly number[];
      readonly from: readonly number[] | "all";
      readonly to: readonly number[];
    }
  | {
      readonly kind: "ablation";
      readonly layers: readonly number[];
      readonly positions: readonly number[];
      readonly site: Site;
      readonly with: "zero" | "mean";
    };

/** Of cells that are a window around a point of a sweep: that point; and what is done in them alone. */
export interface CellPoint {
  readonly at?: { readonly layer?: LayerName; readonly position?: number };
  readonly intervention?: InterventionRecord;
}

export type CellRecord = CellPlaces &
  CellPoint &
  ReadOutRecord &
  CellEvidence & {
    /** What the vector was multiplied by, where the mapping has a list of factors. */
    readonly factor?: number;
    readonly propagation?: PropagationRecord;
    readonly roundTrip?: RoundTripRecord;
    /** Nearest first. */
    readonly neighbours?: readonly NeighbourRecord[];
  };

export interface ControlsRecord {
  /** What the target prompt says without a patch. */
  readonly unpatched?: ReadOutRecord;
  /** What the model says with the source's text in the vector's place, or to a text of its own, and the prompt that it reads then. */
  readonly textOnly?: ReadOutRecord & { readonly prompt: PromptRecord };
  /** The sentences whose states were the controls, or the other vectors of the source's file. */
  readonly unrelated?: readonly (
    { readonly prompt: string; readonly tokens: readonly number[] } | OtherVectorRecord
  )[];
  /** The other sources of the same kind, and which of their tokens was put in the source's place. */
  readonly contrast?: readonly (
    | { readonly prompt: string; readonly tokens: readonly number[]; readonly position: number }
    | OtherVectorRecord
  )[];
}

/** An item of the source's file, a position of it, or the one so many places behind the one that is read. */
export type OtherVectorRecord = OtherVector | { readonly behind: number };

export interface PatchscopeResult {
  readonly version: 1;
  readonly spec: PatchscopeSpec;
  readonly specHash: string;
  /** The source's, and the target's where that is another one. */
  readonly models: readonly ModelRecord[];
  readonly source: SourceRecord;
  readonly target: TargetRecord;
  readonly cells: readonly CellRecord[];
  readonly controls: ControlsRecord;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly engine: { readonly name: string; readonly device: string; readonly version: string };
  readonly timing: { readonly loadMs: number; readonly runMs: number };
}
