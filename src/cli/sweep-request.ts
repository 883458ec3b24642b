/** What a sweep asks for: a spec for each sample, all of them checked as far as no model is needed for it. */
import { PatchscopesError } from "../errors.ts";
import { isList } from "../spec/is-list.ts";
import { metricName } from "../spec/metric-name.ts";
import type { SpecText } from "../spec/parse-text.ts";
import { isRecord } from "../spec/schema-parts.ts";
import type { MetricSpec, PatchscopeSpec, TokenRef } from "../spec/spec.ts";
import { fieldsOf, filled } from "../spec/template.ts";
import type { PlacedSample, SampleFile } from "./read-samples.ts";
import { answerEmpty, columnsDiffer, modelsDiffer, noGap, sampleUnfit } from "./sweep-errors.ts";

/** A sample that can run. */
export interface SweptSample extends PlacedSample {
  readonly spec: PatchscopeSpec;
  /** What is right, where that is asked. */
  readonly answers: readonly string[] | undefined;
}

export interface SweepRequest {
  /** At least one; all of the same models. */
  readonly samples: readonly SweptSample[];
  /** The metrics as the spec has them, with their gaps. */
  readonly names: readonly string[];
}

export interface RequestOptions {
  readonly answer?: string | undefined;
  /** Whether read-outs become rows of one table. */
  readonly isTable: boolean;
}

/** Fills a spec with each of some samples. Throws `usage` and `spec-invalid`, with the lines of samples that are wrong. */
export async function sweepRequest(
  template: SpecText & { readonly path: string },
  file: SampleFile,
  { answer, isTable }: RequestOptions,
): Promise<SweepRequest> {
  if (fieldsOf(template.data).length === 0) throw noGap(template.path);
  const samples = await fittingSamples(file, async (sample): Promise<SweptSample> => {
    const spec = template.parse(filled(template.data, sample.fields));
    const answers = answer === undefined ? undefined : answersOf(answer, sample, file.path);
    return { ...sample, spec, answers };
  });
  const [first] = samples;
  for (const { spec, line } of samples) {
    if (first === undefined || modelsOf(spec) === modelsOf(first.spec)) continue;
    throw modelsDiffer(file.path, line);
  }
  const other = samples.find(
    ({ spec }) => first !== undefined && columnsOf(spec) !== columnsOf(first.spec),
  );
  if (isTable && other !== undefined) throw columnsDiffer(file.path, other.line);
  return { samples, names: first === undefined ? [] : metricLabels(template.data, first.spec) };
}

/** Does something with each sample. Throws what the first unfit one is about, with the lines of all. */
export async function fittingSamples<T extends PlacedSample, Made>(
  { samples, path, isText }: Omit<SampleFile, "samples"> & { readonly samples: readonly T[] },
  make: (sample: T) => Promise<Made>,
): Promise<Made[]> {
  const unfit: { readonly line: number; readonly cause: PatchscopesError }[] = [];
  const made: Made[] = [];
  for (const sample of samples) {
    try {
      made.push(await make(sample));
    } catch (cause) {
      if (!isOfSample(cause)) throw cause;
      unfit.push({ line: sample.line, cause });
    }
  }
  const [first] = unfit;
  if (first === undefined) return made;
  throw sampleUnfit({
    path,
    lines: unfit.map(({ line }) => line),
    cause: first.cause,
    hint: isText ? "Values of such a file are texts; JSON lines have numbers too." : undefined,
  });
}

/** Whether an error is about what a sample says, and not about the request or somebody who stopped it. */
function isOfSample(error: unknown): error is PatchscopesError {
  return error instanceof PatchscopesError && error.code !== "usage" && error.code !== "aborted";
}

function answersOf(answer: string, sample: PlacedSample, path: string): readonly string[] {
  const value = filled(answer, sample.fields);
  const answers = isList(value)
    ? value.map((each: unknown) => String(each).trim())
    : String(value)
        .split("/")
        .map((each) => each.trim());
  const given = answers.filter((each) => each !== "");
  if (given.length === 0) throw answerEmpty(path, sample.line, answer);
  return given;
}

function modelsOf({ source, target }: PatchscopeSpec): string {
  return JSON.stringify([source.model, target.model]);
}

/** What decides the columns of a table. */
function columnsOf(spec: PatchscopeSpec): string {
  const { read, metrics, controls, contrast, mapping, interventions } = spec;
  const steps = [mapping].flat();
  return JSON.stringify([
    [read.kind, read.topK, read.kind === "generate" && read.roundTrip],
    metrics.map(({ kind }) => kind),
    controls.map(({ kind }) => kind),
    contrast.length,
    steps.map((step) => step.kind === "scale" && isList(step.factor)),
    interventions.map((each) => [each.kind, "sweep" in each]),
  ]);
}

/** The names of metrics as the template writes them: a token that differs from sample to sample stays a gap. */
function metricLabels(data: unknown, { metrics }: PatchscopeSpec): readonly string[] {
  const written: unknown = isRecord(data) ? data["metrics"] : undefined;
  return metrics.map((metric, index) => {
    const own: unknown = Array.isArray(written) ? written[index] : undefined;
    return metricName(isRecord(own) ? withGaps(metric, own) : metric);
  });
}

function withGaps(metric: MetricSpec, written: Readonly<Record<string, unknown>>): MetricSpec {
  const token = (ref: TokenRef, field: "of" | "against"): TokenRef => {
    const own = written[field];
    const text = isRecord(own) ? own["text"] : own;
    return typeof text === "string" && fieldsOf(text).length > 0 ? { text } : ref;
  };
  switch (metric.kind) {
    case "probability":
    case "logprob":
    case "rank":
      return { ...metric, of: token(metric.of, "of") };
    case "logit-difference":
      return {
        ...metric,
        of: token(metric.of, "of"),
        against: token(metric.against, "against"),
      };
    default:
      return metric;
  }
}
