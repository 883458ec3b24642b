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

export type SinglePosition = number | FindPosition;
export interface PositionRange {
  readonly from: SinglePosition;
  /** Included. */
  readonly to: SinglePosition;
}
/** A list, a range or `all` is an axis on the source side, and one write at several places on the target side. */
export type PositionRef = SinglePosition | readonly SinglePosition[] | PositionRange | "all";
/** One cell that reads the states of several tokens; each goes to a target position of its own, in order. */
export interface PositionsTogether {
  readonly together: readonly SinglePosition[] | PositionRange | "all";
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

/** Vectors from a safetensors file: `[hidden]`, `[layers, hidden]` or `[layers, positions, hidden]`. */
export interface VectorFile {
  readonly file: string;
  /** By default the only tensor that can be one. */
  readonly tensor?: string;
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
 * How a vector v is written where the state h stands: v; h + v; v at h's Euclidean length; (1 - a) h + a v.
 * h is the state of the same run, with all writes below it in effect.
 */
export type ModeSpec = "replace" | "add" | "norm-matched" | { readonly interpolate: number };

/** f, applied to every vector before it is written: one step, or several in this order. */
export type MappingSpec = MappingStep | readonly MappingStep[];

/** One step of f; `with` and `onto` name sources. */
export type MappingStep =
  | { readonly kind: "identity" }
  /** Times a number; a list of them is an axis, the innermost one. */
  | { readonly kind: "scale"; readonly factor: number | readonly number[] }
  /** Scaled to this Euclidean length. */
  | { readonly kind: "normalise"; readonly norm: number }
  /** Learned: the maps of this file, as `patchscopes fit` writes it, by the layers of each write. */
  | { readonly kind: "file"; readonly file: string }
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
  /** `same`: the source's layer; in a model of another depth, the one at the same relative depth. */
  readonly layer: LayerRef | LayersTogether | "same";
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

/**
 * Something done to the target's run beside the patch: the tokens `from` may not look at the tokens `to` in these layers.
 * `all` on either side leaves each token its look at itself; in `from` it means generated tokens too.
 */
export interface InterventionSpec {
  readonly kind: "attention-knockout";
  readonly from: PositionRef;
  readonly to: PositionRef;
  readonly layers: LayerRef;
}

export interface PatchscopeSpec {
  readonly version: 1;
  readonly name?: string;
  readonly source: SourceSpec;
  /** By the names that mappings use; of the source's model. */
  readonly sources: Readonly<Record<string, NamedSource>>;
  readonly mapping: MappingSpec;
  readonly target: TargetSpec;
  /** In place of the positions and layers of `source` and `target`. */
  readonly patches?: readonly PatchSpec[];
  /** In the clean run of the target, in cells and in controls alike; their order changes nothing. */
  readonly interventions: readonly InterventionSpec[];
  readonly read: ReadSpec;
  readonly controls: readonly ControlSpec[];
  readonly contrast: readonly ContrastSpec[];
  /** `pair`: as the code that was released with the paper does it, its last layer and one-token targets too. */
  readonly compat?: "pair";
  readonly seed: number;
}
