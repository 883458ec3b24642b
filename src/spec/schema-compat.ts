/** The schema of `compat`: what is done as the code that was released with the paper does it. */
import * as z from "zod";
import { choose, isRecord, record } from "./schema-parts.ts";
import type { CompatSpec } from "./spec.ts";

const paddingTokens = z.int().min(0).default(0);
const padded = record({
  kind: z.literal("pair"),
  padding: record({ source: paddingTokens, target: paddingTokens }).default({
    source: 0,
    target: 0,
  }),
}).transform((value): CompatSpec =>
  // A prompt that is as long as the longest one has none.
  value.padding.source === 0 && value.padding.target === 0 ? "pair" : value,
);
const plainPair = z.enum(["pair"]);
/** How far a run is as the paper's code does it. */
export const compat: z.ZodType<CompatSpec> = choose<CompatSpec>(
  "pair or {kind: pair, padding: {source, target}}",
  (value) => {
    if (isRecord(value)) return padded;
    return typeof value === "string" ? plainPair : undefined;
  },
  [plainPair, padded],
);
