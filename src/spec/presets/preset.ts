/** What a preset is: a name for a spec that has a few choices left, with where it comes from and what it can be told. */
import { specInvalid } from "../../errors.ts";
import { askWithout } from "../errors.ts";
import type {
  AblationSpec,
  ContrastSpec,
  ControlSpec,
  FindPosition,
  LayerRef,
  PositionRef,
  Prompt,
  TargetSpec,
  TensorFile,
  VectorFile,
} from "../spec.ts";

/** What a preset can be told beside the source prompt and the model. */
export interface PresetOptions {
  /** Source position; the last token by default. */
  readonly position?: PositionRef;
  /** Source layer; every layer by default. */
  readonly layer?: LayerRef;
  /** Target layer; the source's by default. */
  readonly targetLayer?: TargetSpec["layer"];
  /** What to ask of the vector: a text in which `x` stands for it, or as the preset says. */
  readonly ask?: string;
  /** The file of a fitted mapping that the vectors go through. */
  readonly map?: string;
  /** Lengths of the vector, relative to the state that it replaces: one cell for each. */
  readonly factors?: readonly number[];
  /** What of a feeling is asked: which it is, how strong, or towards whom. */
  readonly aspect?: Aspect;
  /** The language of the target prompt. */
  readonly language?: Language;
  /** How many tokens to generate. */
  readonly maxTokens?: number;
  /** Texts that end what is generated. */
  readonly stop?: readonly string[];
  /** How far tokens are chosen against what the target prompt says by itself. */
  readonly contrastive?: number;
  /** Whether texts are read back in. */
  readonly roundTrip?: boolean;
  /** How many candidates for the next token. */
  readonly topK?: number;
  /** What the read-outs are held against; as in a spec by default. */
  readonly controls?: readonly ControlSpec[];
  /** Other sources of the same kind that the read-outs are held against. */
  readonly contrast?: readonly ContrastSpec[];
  /** A part of the source's text whose tokens get noise. */
  readonly subject?: string;
  /** A prompt that differs from the source in what matters: the target. */
  readonly corrupted?: string;
  /** The token whose probability is measured, a text or an id; by default what the source's own run says next. */
  readonly answer?: string | number;
  /** The token that it is held against; by default what the corrupted prompt says next. */
  readonly against?: string | number;
  /** Where in a block; by default what the preset says. */
  readonly site?: string;
  /** How many layers at a time. */
  readonly window?: number;
  /** How often noise is drawn. */
  readonly samples?: number;
  /** What ablated states become. */
  readonly with?: AblationSpec["with"];
  /** A trained soft prompt in place of the preset's target prompt. */
  readonly softPrompt?: SoftPrompt;
  /** The model that reads the states, where it is another one. */
  readonly explainer?: string;
}

/** A file of a trained soft prompt, `[tokens, hidden]`, and how many tokens it has. */
export interface SoftPrompt extends TensorFile {
  readonly count: number;
}

export const ASPECTS = ["feeling", "strength", "towards"] as const;
export type Aspect = (typeof ASPECTS)[number];
export const LANGUAGES = ["en", "ko"] as const;
export type Language = (typeof LANGUAGES)[number];

export type PresetRequest = (Prompt | VectorFile) & { readonly model: string } & PresetOptions;

/** One row of the table of presets. */
export interface Preset {
  readonly name: string;
  /** What it shows, in one sentence. */
  readonly summary: string;
  /** Where it comes from. */
  readonly citation: string;
  /** Options that it cannot do without. */
  readonly needs: readonly (keyof PresetOptions)[];
  /** Options that it understands, the needed ones too. */
  readonly takes: readonly (keyof PresetOptions)[];
  /** How to give `ask`, where no `x` stands for the vector. */
  readonly askHint?: string;
  /** How to come by the map that it needs, where it is no map between layers. */
  readonly mapHint?: string;
  readonly example: PresetRequest;
  /**
   * The fields of the spec, as they would be written in a file, but for those that follow from the request: version, the
   * source's fields, controls and contrast, which stand unless they are here too.
   */
  readonly fields: (request: PresetRequest) => PresetFields;
}

/** Fields of a spec that is not checked yet. */
export interface PresetFields {
  readonly source?: object;
  readonly [field: string]: unknown;
}

/** What presets take that say in words what the states of a text hold. */
export const IN_WORDS: readonly (keyof PresetOptions)[] = [
  "position",
  "layer",
  "targetLayer",
  "maxTokens",
  "stop",
  "contrastive",
  "roundTrip",
  "topK",
  "controls",
  "contrast",
];

/** The field `read` of presets that generate. */
export function generating({
  maxTokens,
  stop,
  contrastive,
  roundTrip,
  topK,
}: PresetOptions): object {
  const decoding = contrastive === undefined ? undefined : { contrast: { amount: contrastive } };
  return { kind: "generate", maxTokens, stop, topK, roundTrip, decoding };
}

/** Fields of presets that only intervene: nothing is read of the source, nor patched. */
export const INTERVENTION_ONLY: PresetFields = {
  source: { position: -1, layer: "all" },
  target: { prompt: "same" },
  patches: [],
};

/** How likely the answer is, and which place it has. */
export function answerMetrics({ answer = "source" }: PresetOptions): readonly object[] {
  return [
    { kind: "probability", of: answer },
    { kind: "rank", of: answer },
  ];
}

// What one attention or MLP adds is little: several together show where it happens.
const SUBLAYER_WINDOW = 5;

/** The target's layers of presets that put states back where they are from: of a sub-layer, some layers together. */
export function windowOf({ site, window }: PresetOptions): unknown {
  const isSubLayer = site !== undefined && /attn|mlp/u.test(site);
  const width = window ?? (isSubLayer ? SUBLAYER_WINDOW : 1);
  return width === 1 ? "same" : { window: width };
}

// A word of its own: not a part of a Latin word, a number or a compound ("Mexico", "x86", "x-ray"), but with
// an English genitive or a Korean particle ("x's", "x의").
const PLACEHOLDER =
  /(?<![\p{Script=Latin}\p{M}\p{N}_])(?<!\p{L}-)x(?![\p{Script=Latin}\p{M}\p{N}_])(?!-\p{L})/gu;

/** Where `x` stands for the vector: its number among all letters x of the text. */
export function placeholderIn(ask: string): FindPosition {
  const found = [...ask.matchAll(PLACEHOLDER)];
  const [only] = found;
  if (only === undefined || found.length > 1) throw specInvalid([askWithout(ask, found.length)]);
  const before = ask.slice(0, only.index).split("x").length - 1;
  return { find: "x", occurrence: before === 0 ? "first" : before + 1, token: "last" };
}
