/** The schema of how a vector is written: the function f that it goes through, and the mode. */
import * as z from "zod";
import { notBuilt, stepTwice, unknownWord } from "./errors.ts";
import { choose, isRecord, numberWhere, record } from "./schema-parts.ts";
import type { MappingSpec, MappingStep, ModeSpec } from "./spec.ts";

const MAPPINGS = [
  "identity",
  "scale",
  "normalise",
  "file",
  "mean",
  "difference",
  "projection",
  "interpolation",
];
const FITTED: readonly unknown[] = ["affine", "low-rank", "procrustes", "scalar-affine", "mlp"];
const KNOWN = "Use identity, scale or normalise, or the file that patchscopes fit has written.";
// More than anybody composes.
const MAX_STEPS = 100;
// Each is a row of its own for every pair of layers.
const MAX_FACTORS = 1000;

const fromFile = record({ kind: z.literal("file").default("file"), file: z.string().min(1) });
const number = numberWhere("a number", () => true);
const factor = choose<number | readonly number[]>("a number or a list of numbers", (value) =>
  Array.isArray(value) ? z.array(number).min(1).max(MAX_FACTORS) : number,
);
const names = choose<readonly string[]>("a list of names of sources", (value) => {
  if (typeof value === "string") return z.unknown().transform(() => [value]);
  return Array.isArray(value) ? z.array(z.string().min(1)).min(1) : undefined;
});

const step: z.ZodType<MappingStep> = choose<MappingStep>(
  "{kind: identity}, {kind: scale, factor}, {kind: normalise, norm}, {file: path}, {kind: mean, with}, {kind: difference, with}, {kind: projection, onto} or {kind: interpolation, with, amount}",
  (value) => {
    if (!isRecord(value)) return undefined;
    const { kind } = value;
    if (kind === "file" || (kind === undefined && "file" in value)) return fromFile;
    if (FITTED.includes(kind))
      return notBuilt(`mapping ${String(kind)} with numbers of its own`, KNOWN);
    switch (kind) {
      case "identity":
        return record({ kind: z.literal(kind) });
      case "scale":
        return record({ kind: z.literal(kind), factor });
      case "normalise": {
        const length = numberWhere("a number above 0", (norm) => norm > 0);
        return record({ kind: z.literal(kind), norm: length.default(1) });
      }
      case "mean":
      case "difference":
        return record({ kind: z.literal(kind), with: names });
      case "projection":
        return record({ kind: z.literal(kind), onto: names, remove: z.boolean().default(false) });
      case "interpolation":
        return record({ kind: z.literal(kind), with: z.string().min(1), amount: number });
      default:
        return { ...unknownWord(MAPPINGS.join(", "), kind, MAPPINGS), path: ["kind"] };
    }
  },
);

/** f: a step, or a list of them. */
export const mapping: z.ZodType<MappingSpec> = choose<MappingSpec>(
  "a mapping step or a list of them",
  (value) => {
    if (!Array.isArray(value)) return step;
    const steps: readonly unknown[] = value;
    // Maps are chosen by the layers of a write, so a second file would have the same ones; cells vary in one factor.
    const files = indicesWhere(steps, (each) => "file" in each);
    const axes = indicesWhere(steps, (each) => Array.isArray(each["factor"]));
    if (files[1] !== undefined) return stepTwice("file", files[1]);
    if (axes[1] !== undefined) return stepTwice("list of factors", axes[1]);
    return z.array(step).max(MAX_STEPS);
  },
);

function indicesWhere(
  steps: readonly unknown[],
  is: (step: Readonly<Record<string, unknown>>) => boolean,
): readonly number[] {
  return [...steps.entries()].flatMap(([index, each]) =>
    isRecord(each) && is(each) ? [index] : [],
  );
}

const MODES = ["replace", "add", "norm-matched"] as const;

/** How a vector meets the state that is there. */
export const mode: z.ZodType<ModeSpec> = choose<ModeSpec>(
  "replace, add, norm-matched or {interpolate: number}",
  (value) => {
    if (isRecord(value)) return record({ interpolate: number });
    return typeof value === "string" ? z.enum(MODES) : undefined;
  },
);
