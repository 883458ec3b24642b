/** A sweep's plans, before anything runs: whether every sample can run, what they take, whose lines a file has. */
import type { LoadedMapping } from "../mapping/fitted-mapping.ts";
import type { Model } from "../models/model.ts";
import { explain } from "../plan/explain.ts";
import type { Plan } from "../plan/plan.ts";
import { countMany, type RunManyOptions } from "../run/run-many.ts";
import { loadVectorFiles, planSpec, type ReadyModel } from "../run/run-spec.ts";
import { specHash } from "../spec/canonical.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { fileOfAnother, sweepStopped } from "./sweep-errors.ts";
import type { KeptLine } from "./sweep-file.ts";
import type { SweptSample } from "./sweep-request.ts";

/** The files that samples name, of which those that were read last are known. */
export type SampleFiles = Pick<RunManyOptions, "mappings" | "vectors">;

/** The models of a sweep, without their weights, and its files. */
export interface OpenModels {
  readonly model: Model;
  readonly target: Model | undefined;
  readonly files: SampleFiles;
}

/** The plan of a spec, whose files of vectors are read. */
export async function planOf(
  spec: PatchscopeSpec,
  { model, target, files }: OpenModels,
): Promise<Plan> {
  const vectors = await loadVectorFiles(spec, files.vectors);
  return planSpec(spec, model, { target, vectors });
}

/** What running would do: the first sample's plan, and what all take together. */
export async function explainSweep(
  samples: readonly SweptSample[],
  models: OpenModels,
  signal: AbortSignal,
): Promise<string> {
  const [first] = samples;
  const plans = async function* (): AsyncGenerator<Plan, void, undefined> {
    for (const { spec } of samples) {
      if (signal.aborted) throw sweepStopped();
      yield planOf(spec, models);
    }
  };
  const all = await countMany(plans());
  const amount = (count: number, noun: string, plural = `${noun}s`): string =>
    `${count.toLocaleString("en-US")} ${count === 1 ? noun : plural}`;
  const steps =
    all.decodeSteps === 0 ? "" : `, with at most ${amount(all.decodeSteps, "decode step")}`;
  return [
    ...(first === undefined
      ? []
      : [`The first sample (line ${first.line}):`, explain(await planOf(first.spec, models)), ""]),
    `All ${amount(all.plans, "sample")}: ${amount(all.cells, "row")} in ${amount(all.passes, "pass", "passes")}${steps}. Samples share passes.`,
  ].join("\n");
}

/** Throws `usage` where lines were not made with these specs, models and this precision. */
export async function checkKept(
  path: string,
  kept: readonly KeptLine[],
  samples: readonly SweptSample[],
  { model, target, files, precision }: OpenModels & { readonly precision: string },
): Promise<void> {
  if (kept.length === 0) return;
  const source = await model.weightsHash();
  const ofTarget = await target?.weightsHash();
  const mappingOf = ({ mapping }: PatchscopeSpec): Promise<LoadedMapping> | undefined => {
    const step = [mapping].flat().find(({ kind }) => kind === "file");
    return step?.kind === "file" ? files.mappings?.(step.file) : undefined;
  };
  for (const [index, { specHash: own, models }] of kept.entries()) {
    const sample = samples[index];
    if (sample === undefined) return;
    const vectors = await loadVectorFiles(sample.spec, files.vectors);
    const expected = await specHash(sample.spec, {
      source,
      target: ofTarget,
      mapping: (await mappingOf(sample.spec))?.hash,
      vectors: new Map([...vectors.values()].map((each) => [each.file, each.hash])),
    });
    if (own !== expected) {
      throw fileOfAnother(path, index + 1, "was run with another spec or another model");
    }
    const other = models.find((each) => each.precision !== precision);
    if (other !== undefined) {
      throw fileOfAnother(path, index + 1, `was run with --precision ${other.precision}`);
    }
  }
}

/** Throws `usage` where lines were made by another engine, or by another version of it: numbers may differ then. */
export function checkEngine(path: string, kept: readonly KeptLine[], { engine }: ReadyModel): void {
  const { name, device, version } = engine.info;
  const index = kept.findIndex(
    ({ engine: own }) => own.name !== name || own.device !== device || own.version !== version,
  );
  const other = kept[index]?.engine;
  if (other === undefined) return;
  throw fileOfAnother(
    path,
    index + 1,
    `was run by ${other.name} ${other.version} on ${other.device}, and this is ${name} ${version} on ${device}`,
  );
}
