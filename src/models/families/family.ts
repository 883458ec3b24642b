/**
 * What a model family declares: how its configuration becomes an {@link Architecture} and how its weights are called,
 * in each of the two layouts. Shared code reads these values and never asks which family it has.
 */
import type { Architecture, LayerWeight } from "../../engine/architecture.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import type { RotaryRows } from "../weights/stored-weight.ts";

/** Tensor names of one layout. */
export interface WeightNames {
  readonly embedding: string;
  readonly finalNorm: string;
  /** The output matrix; absent in files of a tied model. */
  readonly head: string;
  /** What stands before every name of this layer. */
  readonly layerPrefix: (layer: number) => string;
  readonly layer: Readonly<Record<LayerWeight, string>>;
}

/** What a configuration may ask about the weights beside it. */
export interface TensorNames {
  has(name: string): boolean;
}

/** A family's checkpoints in the Hugging Face layout. */
export interface HuggingFaceLayout {
  /** `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  readonly names: WeightNames;
  /**
   * Reads config.json, already parsed.
   * @throws `model-unreadable` for a value that cannot be, `model-unsupported` for a feature that is not built
   */
  readonly architecture: (config: unknown, file: string, tensors: TensorNames) => Architecture;
}

/** A family's GGUF files. */
export interface GgufLayout {
  /** `general.architecture` in the metadata. */
  readonly architectures: readonly string[];
  readonly names: WeightNames;
  /** A tensor of factors by which rotary frequencies are divided, where the file has it. */
  readonly ropeFactors: string;
  /** The order of the rows of q and k. */
  readonly rotaryRows: RotaryRows;
  /** Reads the metadata. Throws as {@link HuggingFaceLayout.architecture} does. */
  readonly architecture: (
    metadata: GgufMetadata,
    tensors: TensorNames,
    ropeFactors: Float32Array | undefined,
  ) => Architecture;
}

/** One family: a value, declared in a file of its own and listed in families.ts. */
export interface Family {
  readonly name: string;
  readonly huggingFace: HuggingFaceLayout;
  readonly gguf: GgufLayout;
}
