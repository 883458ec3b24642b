/** A spec, run or explained, on the screen or in a file: what `run` and `inspect` have in common. */
import type { LoadedMapping } from "../mapping/fitted-mapping.ts";
import type { Model } from "../models/model.ts";
import type { LoadedModel } from "../node.ts";
import { explain } from "../plan/explain.ts";
import { table } from "../render/table.ts";
import type { PatchscopeResult } from "../result/result.ts";
import type { LoadedVectors } from "../mapping/vector-file.ts";
import { loadVectorFiles, planSpec, runSpec } from "../run/run-spec.ts";
import type { RunSpecOptions } from "../run/run-spec.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { formatted } from "./formats.ts";
import type { Format } from "./formats.ts";
import { liveTable } from "./live-table.ts";
import { memoryLeft, withLoadedModels, withOpenModels } from "./model-options.ts";
import type { ModelOptions } from "./model-options.ts";
import { openOutput } from "./output.ts";
import type { Output } from "./output.ts";
import { progressOn } from "./progress.ts";
import { openRunPart } from "./run-part.ts";
import type { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

export interface ShowOptions extends ModelOptions {
  readonly format: Format;
  readonly out?: string | undefined;
  /** Lines under a table on standard output. */
  readonly after?: () => string;
  /** Completes the spec when its models are there. */
  readonly prepare?:
    | ((
        models: { readonly loaded: LoadedModel; readonly target: LoadedModel | undefined },
        progress: Progress,
      ) => Promise<Prepared>)
    | undefined;
}

/** A spec that can run, and how its mapping is read. */
interface Prepared {
  readonly spec: PatchscopeSpec;
  /** The current folder's files, where it does not say. */
  readonly mappings?: RunSpecOptions["mappings"];
}

/** Runs a spec and shows its result. Where it goes to is tried before the work begins. */
export async function runAndShow(
  spec: PatchscopeSpec,
  options: ShowOptions,
  context: CommandContext,
): Promise<void> {
  const output = await openOutput(options.out, context.terminal);
  const progress = progressOn(context.terminal);
  const part =
    output.path === undefined ? undefined : await openRunPart(output.path, context.terminal);
  try {
    await withLoadedModels({ spec, options, context, progress }, async (loaded, target) => {
      const live = isOnScreen(output, options) ? liveTable(context.terminal) : undefined;
      const ready = (await options.prepare?.({ loaded, target }, progress)) ?? { spec };
      const result = await runSpec(ready.spec, loaded, {
        target,
        signal: context.signal,
        memory: memoryLeft(options),
        store: part,
        mappings: ready.mappings ?? loadMappingFile,
        vectors: loadVectorsFile,
        onProgress: progressOfRun(progress),
        onWords:
          live &&
          ((words) => {
            progress.clear();
            live.words(words);
          }),
      });
      progress.clear();
      if (live === undefined)
        await output.writeText(textOf(result, options.format, context.terminal));
      else {
        live.finish(result);
        if (options.after !== undefined) context.terminal.print(`\n${options.after()}\n`);
      }
      await part?.remove();
    });
  } catch (error) {
    progress.clear();
    part?.stop();
    throw error;
  } finally {
    progress.clear();
  }
}

/** Prints what running a spec would do. Needs the model's tokenizer and shape, not its weights. */
export async function explainAndShow(
  spec: PatchscopeSpec,
  out: string | undefined,
  context: CommandContext,
  textFor: (model: Model, target: Model | undefined) => string | Promise<string> = async (
    model,
    target,
  ) => {
    const vectors = await loadVectorFiles(spec, loadVectorsFile);
    return explain(planSpec(spec, model, { target, vectors }));
  },
): Promise<void> {
  const output = await openOutput(out, context.terminal);
  const progress = progressOn(context.terminal);
  try {
    const text = await withOpenModels({ spec, context, progress }, textFor);
    progress.clear();
    await output.writeText(text);
  } finally {
    progress.clear();
  }
}

/** A mapping by its path, from the current folder on. */
export async function loadMappingFile(path: string): Promise<LoadedMapping> {
  const { loadMapping } = await import("../node.ts");
  return loadMapping(path);
}

/** A file of vectors by its path, from the current folder on. */
export async function loadVectorsFile(path: string, tensor?: string): Promise<LoadedVectors> {
  const { loadVectors } = await import("../node.ts");
  return loadVectors(path, tensor);
}

function isOnScreen(output: Output, { format }: ShowOptions): boolean {
  return output.path === undefined && format === "table";
}

function textOf(result: PatchscopeResult, format: Format, { width }: Terminal): string {
  if (format !== "table") return formatted(result, format);
  return table(result, { width, colour: false, unicode: true });
}

function progressOfRun(progress: Progress): NonNullable<RunSpecOptions["onProgress"]> {
  const labels = { read: "Reading the states", score: "Scoring the controls" };
  return ({ phase, done, total }) =>
    progress.show({ label: labels[phase], done, total, unit: "count" });
}
