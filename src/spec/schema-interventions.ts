/** The schema of what is done to the target's run beside the patch. */
import * as z from "zod";
import { embeddingAttention, unknownWord } from "./errors.ts";
import { choose, isRecord, record } from "./schema-parts.ts";
import { layersOr, positionsOr } from "./schema-places.ts";
import type { Contamination, InterventionSpec } from "./spec.ts";

const KINDS = ["attention-knockout"] as const;
// Real ones are a few; bounds what a crafted spec can allocate.
const MAX_INTERVENTIONS = 1000;

const positions = positionsOr(["all"]);

const knockout = record(
  {
    kind: z.enum(KINDS),
    from: positions,
    to: positions,
    layers: layersOr(["all"]).default("all"),
  },
  { check: ({ layers }) => embeddingsIn(layers) },
);

const intervention: z.ZodType<InterventionSpec> = choose<InterventionSpec>(
  "{kind: attention-knockout, from, to, layers}",
  (value) => {
    if (!isRecord(value)) return undefined;
    const { kind } = value;
    return kind === undefined || KINDS.some((known) => known === kind)
      ? knockout
      : { ...unknownWord(KINDS.join(", "), kind, KINDS), path: ["kind"] };
  },
  [knockout],
);

/** All of them together. */
export const interventions: z.ZodType<readonly InterventionSpec[]> = z
  .array(intervention)
  .max(MAX_INTERVENTIONS);

/** Whether a patched token's old keys and values are seen. */
export const contamination: z.ZodType<Contamination> = z.enum(["keep", "hide", "overwrite"]);

/** The embedding is before all attention. */
function embeddingsIn(layers: unknown): ReturnType<typeof embeddingAttention>[] {
  const named: readonly unknown[] = Array.isArray(layers) ? layers : [layers];
  return named.includes("embedding") ? [embeddingAttention(["layers"])] : [];
}
