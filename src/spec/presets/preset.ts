/** What a preset is: a name for a spec that has a few choices left, with where it comes from and what it can be told. */
import { specInvalid } from "../../errors.ts";
import { askWithout } from "../errors.ts";
import type {
  ContrastSpec,
  ControlSpec,
  FindPosition,
  LayerRef,
  PositionRef,
  Prompt,
  TargetSpec,
} from "../spec.ts";

/** What a preset can be told beside the source prompt and the model. */
export interface PresetOptions {
  /** Source position; the last token by default. */
  readonly position?: PositionRef;
  /** Source layer; every layer by default. */
  readonly layer?: LayerRef;
  /** Target layer; the source's by default. */
  readonly targetLayer?: TargetSpec["layer"];
  /** What to ask of the vector: a text in which `x` stands for it. */
  readonly ask?: string;
  /** The file of a fitted mapping that the vectors go through. */
  readonly map?: string;
  /** How many tokens to generate. */
  readonly maxTokens?: number;
  /** How many candidates for the next token. */
  readonly topK?: number;
  /** What the read-outs are held against; as in a spec by default. */
  readonly controls?: readonly ControlSpec[];
  /** Other sources of the same kind that the read-outs are held against. */
  readonly contrast?: readonly ContrastSpec[];
}

export type PresetRequest = Prompt & { readonly model: string } & PresetOptions;

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

/** The field `read` of presets that generate. */
export function generating({ maxTokens, topK }: PresetOptions): object {
  return { kind: "generate", maxTokens, topK };
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
