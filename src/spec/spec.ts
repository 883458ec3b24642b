/**
 * What to inspect: the five free choices of a Patchscope on each side, (S, i, M, l) and (T, i*, f, M*, l*),
 * and what to read. Types, defaults filled in; `schema.ts` is the one door from unknown data.
 * The same object as JSON or YAML is the spec file, version 1.
 */
import type { FittedKind } from "../map-kinds.ts";
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

/** The last token that holds a part of one character, by its number in the prompt's text; negative ones count from the end. */
export interface OffsetPosition {
  /** In Unicode code points, as Python counts them. */
  readonly offset: number;
}

/** Every token that holds a part of the text found. */
export interface FindSpan {
  readonly find: string;
  readonly occurrence: FindPosition["occurrence"];
  readonly token: "all";
}

export type SinglePosition = number | FindPosition | OffsetPosition;
export interface PositionRange {
  readonly from: SinglePosition;
  /** Included. */
  readonly to: SinglePosition;
}
/** A list, a range, a span or `all` is an axis on the source side, and one write at several places on the target side. */
export type PositionRef =
  SinglePosition | readonly SinglePosition[] | PositionRange | FindSpan | "all";
/** One cell that reads the states of several tokens; each goes to a target position of its own, in order. */
export interface PositionsTogether {
  readonly together: readonly SinglePosition[] | PositionRange | FindSpan | "all";
}
/** Every place of a text in the target prompt, which the placeholder `as` takes before the prompt is tokenised. */
export interface MarkedPosition {
  readonly marker: string;
  readonly as: string;
  /** How often the placeholder is written at each marker, with spaces between; else once, or once for each state of a slice. */
  readonly times?: number;
}

export type LayerName = number | "embedding";
export interface LayerRange {
  readonly from: number;
  /** Included. */
  readonly to: number;
  readonly step: number;
}
/** A list, a range or `all` (every block, not the embedding) is an axis. */
export type LayerRef = LayerName | readonly LayerName[] | LayerRange | "all";
/** One cell of several layers: in the target the same vector is written at all, in the source each is read for one of them. */
export interface LayersTogether {
  readonly together: readonly LayerName[];
}

/** The source's layer and those around it, as many in all: each one's state into its own layer. */
export interface LayerWindow {
  readonly window: number;
}

/** A tensor of a safetensors file. */
export interface TensorFile {
  readonly file: string;
  /** By default the only tensor that can be one. */
  readonly tensor?: string;
}

/** Vectors: `[hidden]`, `[layers, hidden]` or `[layers, positions, hidden]`; of another network, `[positions, hidden]`. */
export interface VectorFile extends TensorFile {
  /** Which entry of the tensor's first axis: an image, a feature. The other axes are then `[hidden]` or `[positions, hidden]`. */
  readonly item?: number;
}

export type SourceSpec = (Prompt | VectorFile) & {
  readonly model: string;
  readonly position: PositionRef | PositionsTogether;
  readonly layer: LayerRef | LayersTogether;
  readonly site: Site;
};

/** A vector that mappings may name. */
export type NamedSource = (Prompt | VectorFile) & {
  readonly position: SinglePosition;
  /** `same`: the layer of the state that is mapped. */
  readonly layer: LayerName | "same";
};

/**
 * How a vector v is written where the state h stands: v; h + v; v at h's Euclidean length; v times h's length, so that a
 * length of 1 is as long as h; (1 - a) h + a v.
 * h is the state of the same run, with all writes below it in effect.
 */
export type ModeSpec =
  "replace" | "add" | "norm-matched" | "norm-scaled" | { readonly interpolate: number };

/** f, applied to every vector before it is written: one step, or several in this order. */
export type MappingSpec = MappingStep | readonly MappingStep[];

/** One step of f; `with` and `onto` name sources. */
export type MappingStep =
  | { readonly kind: "identity" }
  /** Times a number; a list of them is an axis, the innermost one. */
  | { readonly kind: "scale"; readonly factor: number | readonly number[] }
  /** Scaled to this Euclidean length. */
  | { readonly kind: "normalise"; readonly norm: number }
  /** a v + b, the same for every number of v. */
  | { readonly kind: "scalar-affine"; readonly factor: number; readonly bias: number }
  /** Learned: the maps of this file, as `patchscopes fit` writes it, by the layers of each write; all of one kind, where it is named. */
  | { readonly kind: "file"; readonly file: string; readonly maps?: FittedKind }
  /** The mean of the vector and these. */
  | { readonly kind: "mean"; readonly with: readonly string[] }
  /** The vector less the mean of these. */
  | { readonly kind: "difference"; readonly with: readonly string[] }
  /** What of the vector lies in the space that these span; with `remove` what does not. */
  | { readonly kind: "projection"; readonly onto: readonly string[]; readonly remove: boolean }
  /** (1 - amount) v + amount w. */
  | { readonly kind: "interpolation"; readonly with: string; readonly amount: number };

/**
 * Whether later tokens see the keys and values that a patched token has in blocks which have not read the vector yet:
 * those are of the token that the prompt has there. `overwrite`: they are computed from the vector as well.
 */
export type Contamination = "keep" | "hide" | "overwrite";

export type TargetSpec = (Prompt | { readonly prompt: "same" }) & {
  /** M*: the model that reads the target prompt. `same`: the source's. */
  readonly model: string;
  /** `same`: the source's position; in another model, the token that ends at the same character. */
  readonly position: PositionRef | MarkedPosition | "same";
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
  /** What a patch changes behind every later block, at every later token; and the next token at the end. */
  | { readonly kind: "propagation"; readonly topK: number }
  /** The tokens whose rows of an embedding lie nearest to the vector; the target is not run. */
  | {
      readonly kind: "neighbours";
      readonly topK: number;
      readonly of: "input" | "output";
    }
  | {
      readonly kind: "generate";
      readonly maxTokens: number;
      readonly topK: number;
      /** Go on past an end-of-sequence token. */
      readonly ignoreEos: boolean;
      /** Texts that end a generation where they come; they are cut off with all behind them. */
      readonly stop?: readonly string[];
      /** Read each text back in by itself, and compare the state behind it with the one that it came from. */
      readonly roundTrip?: boolean;
      /** Without it each token is the likeliest. */
      readonly decoding?: DecodingSpec;
    };

/** How tokens are chosen: drawn, or the best ones by a contrast, or both. */
export type DecodingSpec = DrawingSpec | { readonly contrast: PriorContrast };

/** What tokens are drawn from; draws follow from the spec's seed. */
export interface DrawingSpec {
  /** Divides the logits. */
  readonly temperature: number;
  /** Of the probability, the share that the kept tokens have together. */
  readonly topP: number;
  /** How many of the likeliest tokens are kept; all of them by default. */
  readonly topK?: number;
  readonly contrast?: PriorContrast;
}

/** A token counts by (1 + amount) log p - amount log q: p with the vector, q what the target says by itself after the same tokens. */
export interface PriorContrast {
  readonly against: "unpatched";
  readonly amount: number;
  /** Tokens with less than this share of the likeliest one's p are left out. */
  readonly plausibility: number;
}

/** What a read-out is held against; only `unpatched` and `unrelated` are part of its evidence. */
export type ControlSpec =
  | { readonly kind: "unpatched" }
  /** States of unrelated sentences; or the other vectors of the source's file, which are those of another network anyway. */
  | { readonly kind: "unrelated"; readonly prompts?: readonly string[]; readonly from?: "file" }
  /** The mean of those states. */
  | { readonly kind: "mean" }
  /** Gaussian vectors as long as the source's. */
  | { readonly kind: "random" }
  /** The source's text in place of its vector; or another text in place of the whole target prompt. */
  | { readonly kind: "text-only"; readonly prompt?: string };

/** Their names, in the order in which they are best shown. */
export const CONTROL_KINDS: readonly ControlSpec["kind"][] = [
  "unpatched",
  "unrelated",
  "mean",
  "random",
  "text-only",
];

/** A source of the same kind, whose state is put in the same place: a prompt, or another vector of the source's file. */
export type ContrastSpec = ContrastPrompt | OtherVector;

export interface ContrastPrompt {
  readonly prompt: string;
  readonly position: SinglePosition;
}

/** Another item of the source's tensor, or another of its positions. */
export type OtherVector = { readonly item: number } | { readonly position: number };

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

/** A trained soft prompt: vectors of a file, `[tokens, hidden]` or `[hidden]`, are what block 0 reads at these positions. */
export interface SoftPromptSpec extends TensorFile {
  readonly kind: "soft-prompt";
  /** One to one, in this order. */
  readonly positions: PositionRef;
}

/** Something done to the target's run beside the patch. */
export type InterventionSpec = KnockoutSpec | NoiseSpec | AblationSpec | SoftPromptSpec;

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

/**
 * `pair`: as the code that was released with the paper does it, its last layer and one-token targets too; with padding,
 * as it does it with a prompt of a batch that it fills up on the left.
 */
export type CompatSpec = "pair" | { readonly kind: "pair"; readonly padding: Padding };

/** How many tokens stand before each prompt: what the batch's longest prompt of that side is longer. */
export interface Padding {
  readonly source: number;
  readonly target: number;
}

export interface PatchscopeSpec {
  readonly version: 1;
  readonly name?: string;
  readonly source: SourceSpec;
  /** By the names that mappings use; of the source's model. */
  readonly sources: Readonly<Record<string, NamedSource>>;
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
  readonly compat?: CompatSpec;
  readonly seed: number;
}
