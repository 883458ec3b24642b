/** The schema of how a vector is written: the function f that it goes through, and the mode. */
import * as z from "zod";
import { FITTED_KINDS } from "../map-kinds.ts";
import { stepTwice, unknownWord } from "./errors.ts";
import { choose, isRecord, numberWhere, record } from "./schema-parts.ts";
import type { MappingSpec, MappingStep, ModeSpec } from "./spec.ts";

const MAPPINGS = [
  "identity",
  "scale",
  "normalise",
  ...FITTED_KINDS,
  "file",
  "mean",
  "difference",
  "projection",
  "interpolation",
];
// More than anybody composes.
const MAX_STEPS = 100;
// Each is a row of its own for every pair of layers.
const MAX_FACTORS = 1000;

const fittedKind = z.enum(FITTED_KINDS);
const fromFile = record({
  kind: z.literal("file").default("file"),
  file: z.string().min(1),
  maps: z.exactOptional(fittedKind),
});
const fitted = record({ kind: fittedKind, file: z.string().min(1) });
const fromFileOfKind = fitted.transform(({ kind, file }) => ({
  kind: "file" as const,
  file,
  maps: kind,
}));
const number = numberWhere("a number");
const factors = z.array(number).min(1).max(MAX_FACTORS);
const factor = choose<number | readonly number[]>(
  "a number or a list of numbers",
  (value) => (Array.isArray(value) ? factors : number),
  [number, factors],
);
const nameList = z.array(z.string().min(1)).min(1);
const oneName = z
  .string()
  .min(1)
  .transform((name) => [name]);
const names = choose<readonly string[]>(
  "a list of names of sources",
  (value) => {
    if (typeof value === "string") return oneName;
    return Array.isArray(value) ? nameList : undefined;
  },
  [oneName, nameList],
);
const identity = record({ kind: z.literal("identity") });
const scale = record({ kind: z.literal("scale"), factor });
const scalarAffine = record({
  kind: z.literal("scalar-affine"),
  factor: number.default(1),
  bias: number.default(0),
});
const normalise = record({
  kind: z.literal("normalise"),
  norm: numberWhere("a number above 0", z.number().gt(0)).default(1),
});
const mean = record({ kind: z.literal("mean"), with: names });
const difference = record({ kind: z.literal("difference"), with: names });
const projection = record({
  kind: z.literal("projection"),
  onto: names,
  remove: z.boolean().default(false),
});
const interpolation = record({
  kind: z.literal("interpolation"),
  with: z.string().min(1),
  amount: number,
});

const step: z.ZodType<MappingStep> = choose<MappingStep>(
  "{kind: identity}, {kind: scale, factor}, {kind: normalise, norm}, {kind: scalar-affine, factor, bias}, {file: path}, {kind: mean, with}, {kind: difference, with}, {kind: projection, onto} or {kind: interpolation, with, amount}",
  (value) => {
    if (!isRecord(value)) return undefined;
    const { kind } = value;
    if (kind === "file" || (kind === undefined && "file" in value)) return fromFile;
    // The numbers of the others are too many for a spec.
    if (kind === "scalar-affine" && !("file" in value)) return scalarAffine;
    if (FITTED_KINDS.some((known) => known === kind)) return fromFileOfKind;
    switch (kind) {
      case "identity":
        return identity;
      case "scale":
        return scale;
      case "normalise":
        return normalise;
      case "mean":
        return mean;
      case "difference":
        return difference;
      case "projection":
        return projection;
      case "interpolation":
        return interpolation;
      default:
        return { ...unknownWord(MAPPINGS.join(", "), kind, MAPPINGS), path: ["kind"] };
    }
  },
  [
    identity,
    scale,
    normalise,
    scalarAffine,
    mean,
    difference,
    projection,
    interpolation,
    fromFile,
    fitted,
  ],
);

const stepList = z.array(step).max(MAX_STEPS);

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
    return stepList;
  },
  [step, stepList],
);

function indicesWhere(
  steps: readonly unknown[],
  is: (step: Readonly<Record<string, unknown>>) => boolean,
): readonly number[] {
  return [...steps.entries()].flatMap(([index, each]) =>
    isRecord(each) && is(each) ? [index] : [],
  );
}

const MODES = ["replace", "add", "norm-matched", "norm-scaled"] as const;
const word = z.enum(MODES);
const interpolate = record({ interpolate: number });

/** How a vector meets the state that is there. */
export const mode: z.ZodType<ModeSpec> = choose<ModeSpec>(
  "replace, add, norm-matched, norm-scaled or {interpolate: number}",
  (value) => {
    if (isRecord(value)) return interpolate;
    return typeof value === "string" ? word : undefined;
  },
  [word, interpolate],
);
