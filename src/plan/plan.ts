/**
 * A plan says exactly which passes, taps and patches do what a spec asks for: absolutes only, plain data.
 * Everything that cells have in common is in it once.
 */
import type { Site } from "../site.ts";
import type {
  AblatedSite,
  LayerName,
  MappingStep,
  ModeSpec,
  OtherVector,
  ReadSpec,
  ReferenceRun,
  TensorFile,
} from "../spec/spec.ts";
import type { PlannedVectors } from "./vectors.ts";

/** A hidden state as engines address it: the embedding is `resid_pre` of layer 0. */
export interface State {
  readonly site: Site;
  readonly layer: number;
  readonly position: number;
}

/** One hidden state of the source written over one of the target. */
export interface Write {
  readonly from: State;
  readonly to: State;
  /** As the result names the two layers. */
  readonly names: { readonly source: LayerName; readonly target: LayerName };
  /** The one of the mapping's factors that the cell has, where they are an axis. */
  readonly factor?: number;
}

/** Looks of attention that do not happen in any run of the target: absolute places, each once, ascending. */
export interface Knockout {
  readonly layers: readonly number[];
  /** Positions of the target prompt that may not look; `all`: these and all that follow, generated ones too. */
  readonly from: readonly number[] | "all";
  /** Positions of the target prompt that are not looked at. */
  readonly to: readonly number[];
  /** Whether a token in both may still look at itself. */
  readonly keepsSelf: boolean;
}

/** A patched position whose keys and values in the blocks before `below` no later token of the row sees. */
export interface HiddenPosition {
  readonly position: number;
  readonly below: number;
}

/** States of the target that are replaced: absolute places, each once, ascending. */
export interface Ablation {
  readonly site: AblatedSite;
  readonly layers: readonly number[];
  readonly positions: readonly number[];
  readonly with: "zero" | "mean";
}

/** What is done in one cell alone. */
export interface OwnInterventions {
  readonly knockouts: readonly Knockout[];
  readonly ablations: readonly Ablation[];
}

/** Gaussian noise on the embeddings of the target. */
export interface PlannedNoise {
  /** Absolute, each once, ascending. */
  readonly positions: readonly number[];
  /** In standard deviations of the model's embeddings. */
  readonly scale: number;
  readonly samples: number;
}

/** Vectors of a file that are the embeddings of the target. */
export interface PlannedSoftPrompt {
  readonly file: TensorFile;
  /** Absolute, each once; the file's vectors go there in this order. */
  readonly positions: readonly number[];
}

/** One point of the sweep: a run of the target prompt with its writes. */
export interface PlannedCell {
  readonly writes: readonly Write[];
  /** The block at which the cell's row joins the stack: all below it is the clean target run. */
  readonly entry: number;
  /** The first position that differs from the clean target run. */
  readonly from: number;
  /** What later tokens do not see of the tokens that the patches are written over. */
  readonly hidden: readonly HiddenPosition[];
  /** Whether the vectors also go into the blocks below the places that they are written at. */
  readonly isOverwriting: boolean;
  /** Where the next token is read. */
  readonly readAt: number;
  /** Where the source's own next token is read that metrics hold this one against. */
  readonly sourceReadAt: number;
  /** Written as one source and target pair in the result, not as a list of writes. */
  readonly isPair: boolean;
  /** Interventions that this cell has and no other run. */
  readonly own?: OwnInterventions;
  /** The point of the sweep, where the cell is a window around one. */
  readonly at?: { readonly layer?: LayerName; readonly position?: number };
}

export interface PlannedPrompt {
  readonly tokens: readonly number[];
  readonly pieces: readonly string[];
}

/** A token of the target's vocabulary, or the likeliest next one of these runs. */
export type PlannedToken = number | ReferenceRun;

/** A number about the next token, under its name in the result. */
export type PlannedMetric = { readonly name: string } & (
  | { readonly kind: "probability" | "logprob" | "rank"; readonly of: PlannedToken }
  | {
      readonly kind: "logit-difference";
      readonly of: PlannedToken;
      readonly against: PlannedToken;
    }
  | { readonly kind: "entropy" }
  | { readonly kind: "kl"; readonly from: ReferenceRun }
  | { readonly kind: "same-token"; readonly as: ReferenceRun }
);

/** A run of the whole source prompt (or of a control's sentence) that reads these states. */
export interface Capture {
  readonly tokens: readonly number[];
  readonly states: readonly { readonly site: Site; readonly layer: number }[];
}

/** A vector that the mapping names, for each write anew: a state of a prompt of its own, or of a file. */
export interface PlannedSource extends Pick<PlannedPrompt, "tokens"> {
  readonly name: string;
  readonly file: PlannedVectors | undefined;
  readonly position: number;
  /** `same`: the place of the state that is mapped, in its own run. */
  readonly place: Omit<State, "position"> | "same";
}

/** What is put in the place of the source's state: that of a sentence, or another vector of the source's file. */
export type PlannedOther = PlannedSentence | PlannedOtherVector;

/**
 * Another item of the source's file; or, where the source is none, another of its positions, which may be told by how many
 * places it stands behind the one that is read, and from the end on from the beginning.
 */
export type PlannedOtherVector = OtherVector | { readonly behind: number };

/** A sentence one of whose states is put in the place of the source's. */
export interface PlannedSentence {
  readonly prompt: string;
  readonly tokens: readonly number[];
  /** The token whose state it is. */
  readonly position: number;
}

/** The target prompt with the source's text in the place of the patched token, or a text of its own. */
export interface PlannedText extends PlannedPrompt {
  /** Those of the source's text; none where it is not put into the target. */
  readonly positions: readonly number[];
  readonly readAt: number;
}

/** A model as a plan needs to name and measure it. */
export interface PlannedModel {
  readonly name: string;
  readonly layers: number;
  readonly hiddenSize: number;
}

export interface Plan {
  /** Of the target's model. */
  readonly shape: {
    readonly layers: number;
    readonly hiddenSize: number;
    readonly vocabSize: number;
  };
  /** Both models, where the target's is another one than the source's. */
  readonly models?: { readonly source: PlannedModel; readonly target: PlannedModel } | undefined;
  readonly source: PlannedPrompt & {
    readonly positions: readonly number[];
    /** Where the vectors come from, where it is no run of these tokens. */
    readonly file: PlannedVectors | undefined;
  };
  readonly target: PlannedPrompt & { readonly positions: readonly number[] };
  readonly capture: Capture;
  /** In the order of the axes: source position outermost, then source layer, then target layer. */
  readonly cells: readonly PlannedCell[];
  readonly knockouts: readonly Knockout[];
  readonly noise: PlannedNoise | undefined;
  readonly ablations: readonly Ablation[];
  readonly softPrompts: readonly PlannedSoftPrompt[];
  /** Sentences as tokens, whose states' mean is put in where an ablation is with the mean. */
  readonly meanSentences: readonly (readonly number[])[];
  /** In this order. */
  readonly mapping: readonly MappingStep[];
  readonly sources: readonly PlannedSource[];
  readonly mode: ModeSpec;
  /** What the paper's code does otherwise, where a spec asks for that. */
  readonly compat:
    | {
        /** Nothing is written: the code takes a target of one token for a step of decoding. */
        readonly isUnpatched: boolean;
      }
    | undefined;
  readonly read: ReadSpec;
  readonly metrics: readonly PlannedMetric[];
  /** Whether source and target have the same tokens, so that the source's own run has the metrics too. */
  readonly isSourceComparable: boolean;
  /** What draws follow from, where tokens are drawn. */
  readonly seed: number;
  readonly controls: {
    readonly unpatched: boolean;
    readonly unrelated: readonly PlannedOther[];
    /** Other sources of the same kind. */
    readonly contrast: readonly PlannedOther[];
    /** Those whose states' mean is a control; none where it is not. */
    readonly mean: readonly PlannedOther[];
    /** How many random vectors. */
    readonly random: number;
    readonly textOnly: PlannedText | undefined;
  };
  /** The unrelated sentences that round trips are held against; absent where there are none. */
  readonly baseline?: readonly PlannedSentence[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}
