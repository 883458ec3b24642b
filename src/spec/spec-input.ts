/**
 * A spec as one writes it in code: what has a default may be left out, and short forms stand for long ones.
 * The schema decides what is valid; `spec-input.test.ts` holds this type to it.
 */
import type { FittedKind } from "../map-kinds.ts";
import type {
  ContrastPrompt,
  ControlSpec,
  DecodingSpec,
  FindPosition,
  FindSpan,
  InterventionSpec,
  LayerRange,
  MarkedPosition,
  NamedSource,
  Padding,
  PatchscopeSpec,
  PatchSpec,
  Prompt,
  ReadSpec,
  SourceSpec,
  TargetSpec,
  VectorFile,
} from "./spec.ts";

/** The same fields, of which these may be left out; of each member of a union. */
type Optional<T, Keys> = T extends unknown
  ? Pick<T, Exclude<keyof T, Keys>> & {
      readonly [Key in Extract<keyof T, Keys>]?: T[Key] | undefined;
    }
  : never;

/** The same fields, of which only these may not be left out. */
type Needing<T, Keys> = T extends unknown ? Optional<T, Exclude<keyof T, Keys>> : never;

/** What may stand for a value of a spec. Whatever has no form of its own here is written field by field. */
type Written<T> = T extends FindPosition
  ? Needing<T, "find">
  : T extends FindSpan
    ? Needing<T, "find" | "token">
    : T extends LayerRange
      ? Needing<T, "from" | "to">
      : T extends ControlSpec
        ? T | T["kind"]
        : T extends ContrastPrompt
          ? string | Needing<Fields<T>, "prompt">
          : T extends PatchSpec
            ? PatchInput
            : T extends InterventionSpec
              ? Optional<Fields<T>, "layers" | "scale" | "samples" | "site" | "with">
              : T extends Padding
                ? Needing<T, never>
                : T extends { readonly text: string }
                  ? T | string
                  : T extends DecodingSpec
                    ? Needing<T, never>
                    : T extends MarkedPosition
                      ? Needing<T, "marker">
                      : T extends { readonly kind: "mean" | "difference" }
                        ? NamingStep<T, "with">
                        : T extends { readonly kind: "projection" }
                          ? NamingStep<Optional<T, "remove">, "onto">
                          : T extends { readonly kind: "normalise" }
                            ? Needing<T, "kind">
                            : T extends { readonly kind: "file" }
                              ? Optional<T, "kind"> | FittedStep
                              : T extends { readonly kind: "scalar-affine" }
                                ? Needing<T, "kind">
                                : T extends readonly (infer Entry)[]
                                  ? readonly Written<Entry>[]
                                  : T extends object
                                    ? Fields<T>
                                    : T;

/** A file whose maps are of one kind. */
interface FittedStep {
  readonly kind: FittedKind;
  readonly file: string;
}

/** A step whose names may be one name. */
type NamingStep<T, Key extends string> = Omit<T, Key> &
  Readonly<Record<Key, string | readonly string[]>>;

/** A vector that a mapping names. */
type NamedSourceInput = Needing<Fields<Prompt | VectorFile>, PromptKey> & {
  readonly position?: NamedSource["position"] | undefined;
  readonly layer?: NamedSource["layer"] | undefined;
};

type Fields<T> = { readonly [Key in keyof T]: Written<T[Key]> };

/** (S, i, M, l). Without a model it is the one that the spec is run with. */
export type SourceInput = Needing<Fields<SourceSpec>, PromptKey>;

/** (T, i*, M*, l*), and how a vector is written. */
export type TargetInput = Needing<Fields<TargetSpec>, PromptKey>;

type PromptKey = "prompt" | "tokens" | "messages" | "file";

/** What is read; a text is generated where no kind is named. */
export type ReadInput =
  | Needing<Fields<Exclude<ReadSpec, { kind: "generate" }>>, "kind">
  | Needing<Fields<Extract<ReadSpec, { kind: "generate" }>>, never>;

/** One of several vectors written in one cell. */
export interface PatchInput {
  readonly source: Needing<Fields<PatchSpec["source"]>, "layer">;
  readonly target: Needing<Fields<PatchSpec["target"]>, never>;
}

interface OwnInputs {
  readonly source: SourceInput;
  readonly sources?: Readonly<Record<string, NamedSourceInput>> | undefined;
  readonly target: TargetInput;
  readonly read?: ReadInput | undefined;
}

/** A spec as one writes it: what has a default may be left out. A whole `PatchscopeSpec` is one too. */
export type SpecInput = OwnInputs & Needing<Fields<Omit<PatchscopeSpec, keyof OwnInputs>>, never>;
