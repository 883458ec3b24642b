/** The schema of how a vector is written: the function f that it goes through, and the mode. */
import * as z from "zod";
import { notBuilt, unknownWord } from "./errors.ts";
import { choose, isRecord, numberWhere, record } from "./schema-parts.ts";
import type { MappingSpec, ModeSpec } from "./spec.ts";

const MAPPINGS = ["identity", "scale", "normalise", "file"];
const FITTED: readonly unknown[] = ["affine", "low-rank", "procrustes", "scalar-affine", "mlp"];
const KNOWN = "Use identity, scale or normalise, or the file that patchscopes fit has written.";

const fromFile = record({ kind: z.literal("file").default("file"), file: z.string().min(1) });
const number = numberWhere("a number");
const identity = record({ kind: z.literal("identity") });
const scale = record({ kind: z.literal("scale"), factor: number });
const normalise = record({
  kind: z.literal("normalise"),
  norm: numberWhere("a number above 0", z.number().gt(0)).default(1),
});

/** f. */
export const mapping: z.ZodType<MappingSpec> = choose<MappingSpec>(
  "{kind: identity}, {kind: scale, factor}, {kind: normalise, norm} or {file: path}",
  (value) => {
    if (!isRecord(value)) return undefined;
    const { kind } = value;
    if (kind === "file" || (kind === undefined && "file" in value)) return fromFile;
    if (FITTED.includes(kind))
      return notBuilt(`mapping ${String(kind)} with numbers of its own`, KNOWN);
    switch (kind) {
      case "identity":
        return identity;
      case "scale":
        return scale;
      case "normalise":
        return normalise;
      default:
        return { ...unknownWord(MAPPINGS.join(", "), kind, MAPPINGS), path: ["kind"] };
    }
  },
  [identity, scale, normalise, fromFile],
);

const MODES = ["replace", "add", "norm-matched"] as const;
const word = z.enum(MODES);
const interpolate = record({ interpolate: number });

/** How a vector meets the state that is there. */
export const mode: z.ZodType<ModeSpec> = choose<ModeSpec>(
  "replace, add, norm-matched or {interpolate: number}",
  (value) => {
    if (isRecord(value)) return interpolate;
    return typeof value === "string" ? word : undefined;
  },
  [word, interpolate],
);
