/** The schema of metrics: which numbers about the next token are wanted, and of which tokens. */
import * as z from "zod";
import { metricTwice } from "./errors.ts";
import { metricName } from "./metric-name.ts";
import { byKind, choose, isRecord, record, report } from "./schema-parts.ts";
import type { MetricSpec, ReferenceRun, TokenRef } from "./spec.ts";

// Each is a number of every cell; more than anybody looks at.
const MAX_METRICS = 100;

const reference: z.ZodType<ReferenceRun> = z.enum(["source", "unpatched"]);
const id = z.int().min(0);
const text = z.string().min(1);
const shortText = text.transform((written) => ({ text: written }));
const wholeText = record({ text });

const token: z.ZodType<TokenRef> = choose<TokenRef>(
  "a text, a token id, source or unpatched",
  (value) => {
    if (value === "source" || value === "unpatched") return reference;
    if (typeof value === "number") return id;
    if (typeof value === "string") return shortText;
    return isRecord(value) ? wholeText : undefined;
  },
  [reference, id, text, wholeText],
);

const metric = byKind<MetricSpec>({
  probability: record({ kind: z.literal("probability"), of: token }),
  logprob: record({ kind: z.literal("logprob"), of: token }),
  rank: record({ kind: z.literal("rank"), of: token }),
  "logit-difference": record({ kind: z.literal("logit-difference"), of: token, against: token }),
  entropy: record({ kind: z.literal("entropy") }),
  kl: record({ kind: z.literal("kl"), from: reference }),
  "same-token": record({ kind: z.literal("same-token"), as: reference }),
});

/** The metrics, none of them twice. */
export const metrics: z.ZodType<readonly MetricSpec[]> = z
  .array(metric)
  .max(MAX_METRICS)
  .check((context) => {
    const names = context.value.map(metricName);
    const again = names.findIndex((name, index) => names.indexOf(name) < index);
    const name = names[again];
    if (name === undefined) return;
    report(context, { ...metricTwice(name), path: [again] });
  });
