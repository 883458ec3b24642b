/** The schema of what is done to the target's run beside the patch. */
import * as z from "zod";
import { embeddingAttention, noiseTwice, sweptTwice } from "./errors.ts";
import type { Complaint } from "./errors.ts";
import { byKind, choose, isRecord, numberWhere, record } from "./schema-parts.ts";
import { layersOr, positionsOr } from "./schema-places.ts";
import { ABLATED_SITES } from "./spec.ts";
import type { Contamination, InterventionSpec, SweepOf } from "./spec.ts";

// Real ones are a few; bounds what a crafted spec can allocate.
const MAX_INTERVENTIONS = 1000;
// The means of 100 draws are known to a tenth of their spread. Bounds a run's time and memory.
const MAX_SAMPLES = 100;

const positions = positionsOr(["all"]);
const layers = layersOr(["all"]).default("all");

/** At least one of these fields is swept. */
function sweepOf<Field extends string>(fields: readonly Field[]): z.ZodType<SweepOf<Field>> {
  const shape = Object.fromEntries(fields.map((field) => [field, z.exactOptional(z.int().min(1))]));
  const swept = record(shape, { keywords: { minProperties: 1 } }) as z.ZodType<SweepOf<Field>>;
  return choose<SweepOf<Field>>(
    `{${fields.join(", ")}: a number}`,
    (value) => (isRecord(value) && Object.keys(value).length > 0 ? swept : undefined),
    [swept],
  );
}

const intervention = byKind<InterventionSpec>({
  "attention-knockout": record(
    {
      kind: z.literal("attention-knockout"),
      from: positions,
      to: positions,
      layers,
      sweep: z.exactOptional(sweepOf(["from", "to", "layers"])),
    },
    { check: embeddingsIn },
  ),
  noise: record({
    kind: z.literal("noise"),
    positions,
    scale: numberWhere("a number above 0", z.number().gt(0)).default(3),
    samples: z.int().min(1).max(MAX_SAMPLES).default(1),
  }),
  ablation: record(
    {
      kind: z.literal("ablation"),
      positions,
      layers,
      site: z.enum(ABLATED_SITES).default("resid_post"),
      with: z.enum(["zero", "mean"]).default("zero"),
      sweep: z.exactOptional(sweepOf(["positions", "layers"])),
    },
    { check: embeddingsIn },
  ),
  "soft-prompt": record({
    kind: z.literal("soft-prompt"),
    file: z.string().min(1),
    tensor: z.exactOptional(z.string().min(1)),
    positions,
  }),
});

const list = z.array(intervention).max(MAX_INTERVENTIONS);

/** All of them together; one of them at most is noise, and one at most is swept. */
export const interventions: z.ZodType<readonly InterventionSpec[]> = choose<
  readonly InterventionSpec[]
>(
  "a list of interventions",
  (value) => {
    if (!Array.isArray(value)) return undefined;
    const second = (is: (entry: Readonly<Record<string, unknown>>) => boolean): number =>
      value.flatMap((entry: unknown, index) => (isRecord(entry) && is(entry) ? [index] : []))[1] ??
      -1;
    const noise = second(({ kind }) => kind === "noise");
    if (noise >= 0) return noiseTwice(noise);
    const swept = second(({ sweep }) => sweep !== undefined);
    return swept >= 0 ? sweptTwice(swept) : list;
  },
  [list],
);

/** Whether a patched token's old keys and values are seen. */
export const contamination: z.ZodType<Contamination> = z.enum(["keep", "hide", "overwrite"]);

/** The embedding is before all attention and all blocks. */
function embeddingsIn(value: Readonly<Record<string, unknown>>): Complaint[] {
  const { layers: given } = value;
  const named: readonly unknown[] = Array.isArray(given) ? given : [given];
  return named.includes("embedding") ? [embeddingAttention(["layers"])] : [];
}
