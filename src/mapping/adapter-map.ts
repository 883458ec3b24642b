/** The map of a SelfIE adapter (arXiv 2602.10352), by the names and settings of its authors' code. */
import * as z from "zod";
import { mappingUnreadable } from "./errors.ts";
import type { Numbers } from "./foreign-mapping.ts";
import type { FittedMap } from "./mapping.ts";

const TYPES = [
  "scale_only",
  "scalar_affine",
  "full_rank",
  "low_rank_only",
  "scalar_affine_plus_low_rank",
] as const;

const settingsSchema = z.object({
  projection: z.object({ type: z.enum(TYPES), normalize_input: z.boolean() }),
  model: z.exactOptional(z.object({ name: z.string() })),
  model_dim: z.optional(z.coerce.number().int().positive().max(1e6)),
});

/** The map, whether it is one of vectors of length 1, and the model's name where it stands in the settings. */
export function adapterMap(
  file: string,
  tensors: ReadonlyMap<string, Numbers>,
  settings: unknown,
): { readonly map: FittedMap; readonly isOfUnit: boolean; readonly name: string | undefined } {
  const parsed = settingsSchema.safeParse(settings);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const problem = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "wrong"}`;
    throw mappingUnreadable(file, `in the settings of its adapter, ${problem}`);
  }
  const { projection, model, model_dim: size } = parsed.data;
  const map = mapOf({ file, tensors, size }, projection.type);
  return { map, isOfUnit: projection.normalize_input, name: model?.name };
}

interface AdapterParts {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, Numbers>;
  readonly size: number | undefined;
}

function mapOf(parts: AdapterParts, type: (typeof TYPES)[number]): FittedMap {
  if (type === "scale_only") {
    if (parts.size === undefined) {
      throw mappingUnreadable(parts.file, "it does not say how wide its vectors are");
    }
    const bias = new Float32Array(parts.size);
    return { kind: "scalar-affine", factor: Float32Array.of(scaleOf(parts)), bias };
  }
  const bias = partOf(parts, "bias").data;
  const width = bias.length;
  switch (type) {
    case "scalar_affine":
      return { kind: "scalar-affine", factor: Float32Array.of(scaleOf(parts)), bias };
    case "full_rank":
      return { kind: "affine", weight: partOf(parts, "weight", [width, width]).data, bias };
    case "low_rank_only":
    case "scalar_affine_plus_low_rank": {
      const [, rank = 0] = partOf(parts, "U").shape;
      const read = partOf(parts, "U", [width, rank]).data;
      const up = partOf(parts, "V", [width, rank]).data;
      const down = new Float32Array(read.length);
      for (let i = 0; i < width; i++) {
        for (let k = 0; k < rank; k++) down[k * width + i] = read[i * rank + k] ?? 0;
      }
      const scale = type === "low_rank_only" ? 0 : scaleOf(parts);
      return { kind: "low-rank", scale, up, down, bias };
    }
  }
}

function scaleOf(parts: AdapterParts): number {
  return Math.exp(partOf(parts, "log_scale", [1]).data[0] ?? NaN);
}

function partOf({ file, tensors }: AdapterParts, name: string, shape?: readonly number[]): Numbers {
  const found = tensors.get(name);
  if (found === undefined) throw mappingUnreadable(file, `tensor "${name}" is missing`);
  if (shape !== undefined && found.shape.join() !== shape.join()) {
    const problem = `should be [${shape.join(", ")}] and is [${found.shape.join(", ")}]`;
    throw mappingUnreadable(file, `tensor "${name}" ${problem}`);
  }
  return found;
}
