/**
 * What to inspect: the five free choices of a Patchscope on each side, (S, i, M, l) and (T, i*, f, M*, l*),
 * and what to read. Types, defaults filled in; `schema.ts` is the one door from unknown data.
 * The same object as JSON or YAML is the spec file, version 1.
 */
import type { Site } from "../site.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** A text, token ids as given, or messages for the model's chat template: exactly one. */
export type Prompt =
  | { readonly prompt: string }
  | { readonly tokens: readonly number[] }
  | { readonly messages: readonly ChatMessage[] };

/** A position found by text: the token that holds the first or last character found. */
export interface FindPosition {
  readonly find: string;
  /** `first`, `last`, or n counted from 1. */
  readonly occurrence: "first" | "last" | number;
  readonly token: "first" | "last";
}

/** Every token that holds a part of the text found. */
export interface FindSpan {
  readonly find: string;
  readonly occurrence: FindPosition["occurrence"];
  readonly token: "all";
}

export type SinglePosition = number | FindPosition;
/** A list, a span or `all` is an axis on the source side, and one write at several places on the target side. */
export type PositionRef = SinglePosition | readonly SinglePosition[] | FindSpan | "all";

export type LayerName = number | "embedding";
export interface LayerRange {
  readonly from: number;
  /** Included. */
  readonly to: number;
  readonly step: number;
}
/** A list, a range or `all` (every block, not the embedding) is an axis. */
export type LayerRef = LayerName | readonly LayerName[] | LayerRange | "all";
/** One cell that writes the same vector at several layers. */
export interface LayersTogether {
  readonly together: readonly LayerName[];
}

/** The source's layer and those around it, as many in all: each one's state into its own layer. */
export interface LayerWindow {
  readonly window: number;
}

export type SourceSpec = Prompt & {
  readonly model: string;
  readonly position: PositionRef;
  readonly layer: LayerRef;
  readonly site: Site;
};

/**
 * How a vector v is written where the state h stands: v; h + v; v at h's Euclidean length; (1 - a) h + a v.
 * h is the state of the same run, with all writes below it in effect.
 */
export type ModeSpec = "replace" | "add" | "norm-matched" | { readonly interpolate: number };

/** f, applied to every vector before it is written. */
export type MappingSpec =
  | { readonly kind: "identity" }
  | { readonly kind: "scale"; readonly factor: number }
  /** Scaled to this Euclidean length. */
  | { readonly kind: "normalise"; readonly norm: number }
  /** Learned: the maps of this file, as `patchscopes fit` writes it, by the layers of each write. */
  | { readonly kind: "file"; readonly file: string };

/**
 * Whether later tokens see the keys and values that a patched token has in blocks which have not read the vector yet:
 * those are of the token that the prompt has there.
 */
export type Contamination = "keep" | "hide";

export type TargetSpec = (Prompt | { readonly prompt: "same" }) & {
  /** M*: the model that reads the target prompt. `same`: the source's. */
  readonly model: string;
  /** `same`: the source's position; in another model, the token that ends at the same character. */
  readonly position: PositionRef | "same";
  /**
   * `same`: the source's layer; in a model of another depth, the one at the same relative depth. `earlier`: of each of the
   * source's layers that is below it.
   */
  readonly layer: LayerRef | LayersTogether | LayerWindow | "same" | "earlier";
  readonly site: Site;
  readonly mode: ModeSpec;
  readonly contamination: Contamination;
};

export type ReadSpec =
  | {
      readonly kind: "next-token";
      readonly topK: number;
      /** Where the next token is read; `same`: where the patch is written. */
      readonly position: SinglePosition | "same";
    }
  | {
      readonly kind: "generate";
      readonly maxTokens: number;
      readonly topK: number;
      /** Go on past an end-of-sequence token. */
      readonly ignoreEos: boolean;
      /** Tokens are drawn; without it each is the likeliest. */
      readonly decoding?: DecodingSpec;
    };

/** What tokens are drawn from; draws follow from the spec's seed. */
export interface DecodingSpec {
  /** Divides the logits. */
  readonly temperature: number;
  /** Of the probability, the share that the kept tokens have together. */
  readonly topP: number;
  /** How many of the likeliest tokens are kept; all of them by default. */
  readonly topK?: number;
}

/** What a read-out is held against; only `unpatched` and `unrelated` are part of its evidence. */
export type ControlSpec =
  | { readonly kind: "unpatched" }
  /** States of unrelated sentences. */
  | { readonly kind: "unrelated"; readonly prompts?: readonly string[] }
  /** The mean of those states. */
  | { readonly kind: "mean" }
  /** Gaussian vectors as long as the source's. */
  | { readonly kind: "random" }
  /** The source's text in place of its vector. */
  | { readonly kind: "text-only" };

/** Their names, in the order in which they are best shown. */
export const CONTROL_KINDS: readonly ControlSpec["kind"][] = [
  "unpatched",
  "unrelated",
  "mean",
  "random",
  "text-only",
];

/** A source prompt of the same kind as the source's, whose state is put in the same place. */
export interface ContrastSpec {
  readonly prompt: string;
  readonly position: SinglePosition;
}

/** One of several vectors written in one cell. */
export interface PatchSpec {
  readonly source: { readonly position: SinglePosition; readonly layer: LayerName };
  readonly target: { readonly position: SinglePosition; readonly layer: LayerName };
}

/** The tokens `from` may not look at the tokens `to` in these layers. */
export interface KnockoutSpec {
  readonly kind: "attention-knockout";
  /** `all` on either side leaves each token its look at itself; in `from` it means generated tokens too. */
  readonly from: PositionRef;
  readonly to: PositionRef;
  readonly layers: LayerRef;
  readonly sweep?: SweepOf<"from" | "to" | "layers">;
}

/** Gaussian vectors are added to the embeddings of these tokens; they follow from the spec's seed. */
export interface NoiseSpec {
  readonly kind: "noise";
  readonly positions: PositionRef;
  /** In standard deviations of the model's embeddings. */
  readonly scale: number;
  /** Runs with other draws; what is read is the mean over them. */
  readonly samples: number;
}

/** What stands at a site is replaced in all these layers and positions. */
export interface AblationSpec {
  readonly kind: "ablation";
  readonly positions: PositionRef;
  readonly layers: LayerRef;
  readonly site: AblatedSite;
  /** `mean`: of the unrelated sentences' tokens there. */
  readonly with: "zero" | "mean";
  readonly sweep?: SweepOf<"positions" | "layers">;
}

/** The sites that an ablation knows. */
export const ABLATED_SITES = ["resid_post", "attn_out", "mlp_out"] as const;
export type AblatedSite = (typeof ABLATED_SITES)[number];

/**
 * One cell for each entry of these fields in place of all of them in every run: that entry and those around it, as many
 * in all as the number says.
 */
export type SweepOf<Field extends string> = Readonly<Partial<Record<Field, number>>>;

/** Something done to the target's run beside the patch. */
export type InterventionSpec = KnockoutSpec | NoiseSpec | AblationSpec;

/** The source's own run, or the target's without a patch. */
export type ReferenceRun = "source" | "unpatched";

/** A token of the target's vocabulary: a text's first one, an id, or the likeliest next token of one of these runs. */
export type TokenRef = { readonly text: string } | number | ReferenceRun;

/** A number about the next token where it is read: of each cell, of the target without a patch, and of the source's own run. */
export type MetricSpec =
  /** `rank`: 1 for the likeliest. */
  | { readonly kind: "probability" | "logprob" | "rank"; readonly of: TokenRef }
  /** The logit of one token less that of another. */
  | { readonly kind: "logit-difference"; readonly of: TokenRef; readonly against: TokenRef }
  /** Of the whole distribution, in nats. */
  | { readonly kind: "entropy" }
  /** KL(reference || this run), in nats. */
  | { readonly kind: "kl"; readonly from: ReferenceRun }
  /** 1 where both have the same likeliest token, 0 where not. */
  | { readonly kind: "same-token"; readonly as: ReferenceRun };

export interface PatchscopeSpec {
  readonly version: 1;
  readonly name?: string;
  readonly source: SourceSpec;
  readonly mapping: MappingSpec;
  readonly target: TargetSpec;
  /** In place of the positions and layers of `source` and `target`; an empty list writes nothing. */
  readonly patches?: readonly PatchSpec[];
  /** In the clean run of the target, in cells and in controls alike, but for what is swept; their order changes nothing. */
  readonly interventions: readonly InterventionSpec[];
  readonly read: ReadSpec;
  readonly metrics: readonly MetricSpec[];
  readonly controls: readonly ControlSpec[];
  readonly contrast: readonly ContrastSpec[];
  readonly seed: number;
}
