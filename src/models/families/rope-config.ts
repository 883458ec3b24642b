/** Rotary settings as configurations spell them: two ways in config.json, one in GGUF. */
import { z } from "zod";

import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import type { RopeScaling } from "./rope.ts";

const DEFAULT_THETA = 10_000;

type Nullish<Schema extends z.ZodType> = z.ZodOptional<z.ZodNullable<Schema>>;

const positive: z.ZodNumber = z.number().positive();
const ropeParameters: z.ZodObject<{
  rope_type: Nullish<z.ZodString>;
  type: Nullish<z.ZodString>;
  rope_theta: Nullish<z.ZodNumber>;
  factor: Nullish<z.ZodNumber>;
  low_freq_factor: Nullish<z.ZodNumber>;
  high_freq_factor: Nullish<z.ZodNumber>;
  original_max_position_embeddings: Nullish<z.ZodNumber>;
  partial_rotary_factor: Nullish<z.ZodNumber>;
}> = z.object({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: positive.nullish(),
  factor: positive.nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  original_max_position_embeddings: positive.nullish(),
  partial_rotary_factor: positive.nullish(),
});
type RopeParameters = z.infer<typeof ropeParameters>;

/** The fields of config.json that say how positions turn: transformers 5 writes the last, older files the others. */
export const ropeFields: {
  rope_theta: Nullish<z.ZodNumber>;
  rope_scaling: Nullish<typeof ropeParameters>;
  original_max_position_embeddings: Nullish<z.ZodNumber>;
  partial_rotary_factor: Nullish<z.ZodNumber>;
  rope_parameters: Nullish<typeof ropeParameters>;
} = {
  rope_theta: positive.nullish(),
  rope_scaling: ropeParameters.nullish(),
  original_max_position_embeddings: positive.nullish(),
  partial_rotary_factor: positive.nullish(),
  rope_parameters: ropeParameters.nullish(),
};

/** Those fields, parsed. */
export type RopeConfig = z.infer<z.ZodObject<typeof ropeFields>>;

export interface RopeSettings {
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/** The settings of a config.json, with the defaults and precedence of transformers. */
export function ropeOfConfig(config: RopeConfig, maxPositions: number, file: string): RopeSettings {
  const parameters = config.rope_scaling ?? config.rope_parameters ?? {};
  const partial = parameters.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  if (partial !== 1) {
    throw modelUnsupported({
      file,
      missing: `partial_rotary_factor is ${partial}, and only 1 is built`,
    });
  }
  const context =
    config.original_max_position_embeddings ??
    parameters.original_max_position_embeddings ??
    maxPositions;
  return {
    theta: parameters.rope_theta ?? config.rope_theta ?? DEFAULT_THETA,
    scaling: scalingOf(parameters, context, file),
  };
}

function scalingOf(parameters: RopeParameters, context: number, file: string): RopeScaling {
  const type = parameters.rope_type ?? parameters.type ?? "default";
  const need = (key: "factor" | "low_freq_factor" | "high_freq_factor"): number => {
    const value = parameters[key];
    if (typeof value === "number") return value;
    throw modelUnreadable({ file, problem: `its rope parameters of type "${type}" lack "${key}"` });
  };
  switch (type) {
    case "default":
      return { kind: "default" };
    case "linear":
      return { kind: "linear", factor: need("factor") };
    case "llama3":
      return {
        kind: "llama3",
        factor: need("factor"),
        lowFrequencyFactor: need("low_freq_factor"),
        highFrequencyFactor: need("high_freq_factor"),
        originalMaxPositions: context,
      };
    default:
      throw ropeUnsupported(file, type);
  }
}

/** The settings of GGUF metadata, whose keys start with `prefix`; `divisors` is the tensor of factors, if any. */
export function ropeOfGguf(
  metadata: GgufMetadata,
  prefix: string,
  divisors: Float32Array | undefined,
): RopeSettings {
  const theta = metadata.number(`${prefix}.rope.freq_base`) ?? DEFAULT_THETA;
  const type = metadata.string(`${prefix}.rope.scaling.type`) ?? "linear";
  if (type !== "none" && type !== "linear") throw ropeUnsupported(metadata.file, type);
  const written =
    metadata.number(`${prefix}.rope.scaling.factor`) ??
    metadata.number(`${prefix}.rope.scale_linear`) ??
    0;
  const factor = type === "none" || written === 0 ? 1 : written; // llama.cpp reads 0 as "not set"
  if (!isPositive(theta) || !isPositive(factor) || divisors?.every(isPositive) === false) {
    throw modelUnreadable({
      file: metadata.file,
      problem: "its rope settings are not positive numbers",
    });
  }
  return { theta, scaling: ggufScaling(factor, divisors) };
}

function ggufScaling(factor: number, divisors: Float32Array | undefined): RopeScaling {
  if (divisors !== undefined) {
    return { kind: "divisors", divisors: divisors.map((divisor) => divisor * factor) };
  }
  return factor === 1 ? { kind: "default" } : { kind: "linear", factor };
}

function isPositive(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}

function ropeUnsupported(file: string, type: string): Error {
  const missing = `its rope scaling is "${type}", and only default, linear and llama3 are built`;
  return modelUnsupported({ file, missing });
}
