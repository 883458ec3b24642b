/** `patchscopes sweep SPEC --samples FILE`: one spec with gaps, filled with each of many samples. */
import { stat } from "node:fs/promises";
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { assert } from "../errors.ts";
import { sweepTable } from "../render/sweep-table.ts";
import { sweepCounter, type SweepCounter } from "../render/sweep-tally.ts";
import type { PatchscopeResult } from "../result/result.ts";
import { runMany } from "../run/run-many.ts";
import { remembered, VECTOR_FILES } from "../run/remembered.ts";
import type { CommandContext } from "./context.ts";
import { optionWrong } from "./errors.ts";
import {
  deviceOption,
  memoryLeft,
  memoryOption,
  precisionOption,
  threadsOption,
  withLoadedModels,
  withOpenModels,
  type ModelOptions,
} from "./model-options.ts";
import { openOutput } from "./output.ts";
import { progressOn, type Progress } from "./progress.ts";
import { readSamples, type SampleFile } from "./read-samples.ts";
import { parseCount } from "./references.ts";
import { loadMappingFile, loadVectorsFile } from "./run-and-show.ts";
import { readSpecData } from "./spec-file.ts";
import { bothOnStandardInput, sweepStopped, tableExists } from "./sweep-errors.ts";
import {
  lineWriter,
  readKeptLines,
  type KeptLine,
  type KeptLines,
  type LineWriter,
} from "./sweep-file.ts";
import { sweepLine, tableRows } from "./sweep-lines.ts";
import { checkEngine, checkKept, explainSweep, planOf, type SampleFiles } from "./sweep-plan.ts";
import {
  fittingSamples,
  sweepRequest,
  type SweepRequest,
  type SweptSample,
} from "./sweep-request.ts";
import { sweepProgress } from "./sweep-progress.ts";
import { STANDARD_INPUT } from "./text-input.ts";

const FORMATS = ["jsonl", "csv"] as const;
type SweepFormat = (typeof FORMATS)[number];

const NOTES = `
The spec has a {{field}} wherever samples differ, in quotes: prompt: "We went to {{country}}". Samples are
JSON lines (.jsonl), a CSV file with a header, or a text file, whose lines are {{prompt}}.

Examples:
  patchscopes sweep capitals.yaml --samples capitals.csv --answer "{{capital}}" --out capitals.jsonl
  patchscopes sweep capitals.yaml --samples capitals.csv --limit 3 --format csv
  patchscopes sweep capitals.yaml --samples capitals.csv --explain

A sweep with --out that was stopped goes on with the same command.`;

/** The command. */
export function sweepCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("sweep")
    .summary("run a spec for each of many samples")
    .description(
      "Runs a spec for each of many samples, and writes a line for each: to standard output, or to --out.",
    )
    .argument("<spec>", "a JSON or YAML file with {{field}} in it, or - for standard input")
    .requiredOption(
      "-s, --samples <file>",
      "a .jsonl, .csv or .txt file, or - for JSON lines on standard input",
    )
    .option("-o, --out <file>", "write the lines to this file, or go on with it")
    .option(
      "-f, --format <form>",
      "jsonl or csv (default: by the name of --out, else jsonl)",
      parseFormat,
    )
    .option(
      "--answer <template>",
      'what is right: "{{capital}}"; several with / between them, or a list in JSON lines',
    )
    .option("--limit <n>", "only the first n samples", parseCount("--limit"))
    .option("--explain", "print what would be done, and do not run it")
    .addOption(precisionOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(memoryOption())
    .addHelpText("after", NOTES)
    .action((spec, options) => sweep(spec, options, context));
}

function parseFormat(value: string): SweepFormat {
  const format = FORMATS.find((each) => each === value);
  if (format !== undefined) return format;
  throw optionWrong({ option: "--format", expected: "jsonl or csv", got: value });
}

interface SweepOptions extends ModelOptions {
  readonly samples: string;
  readonly out?: string | undefined;
  readonly format?: SweepFormat | undefined;
  readonly answer?: string | undefined;
  readonly limit?: number | undefined;
  readonly explain?: true | undefined;
}

async function sweep(path: string, options: SweepOptions, context: CommandContext): Promise<void> {
  if (path === STANDARD_INPUT && options.samples === STANDARD_INPUT) throw bothOnStandardInput();
  const format = options.format ?? (options.out?.endsWith(".csv") === true ? "csv" : "jsonl");
  const template = { ...(await readSpecData(path)), path };
  const file = await readSamples(options.samples);
  const limited = { ...file, samples: file.samples.slice(0, options.limit) };
  const request = await sweepRequest(template, limited, {
    answer: options.answer,
    isTable: format === "csv",
  });
  const progress = progressOn(context.terminal);
  const files = {
    mappings: remembered(loadMappingFile),
    vectors: remembered(loadVectorsFile, VECTOR_FILES),
  };
  const sweeping = { request, file, files, options, format, context, progress };
  try {
    await (options.explain === true ? showPlan(sweeping) : runSweep(sweeping));
  } finally {
    progress.clear();
  }
}

interface Sweeping {
  readonly request: SweepRequest;
  /** With the samples beyond the limit. */
  readonly file: SampleFile;
  readonly files: SampleFiles;
  readonly options: SweepOptions;
  readonly format: SweepFormat;
  readonly context: CommandContext;
  readonly progress: Progress;
}

function firstSpec({ request: { samples } }: Sweeping): SweptSample["spec"] {
  const [first] = samples;
  assert(first, "there is a sample");
  return first.spec;
}

async function showPlan(sweeping: Sweeping): Promise<void> {
  const { request, context, progress } = sweeping;
  const spec = firstSpec(sweeping);
  const text = await withOpenModels({ spec, context, progress }, (model, target) =>
    explainSweep(request.samples, { model, target, files: sweeping.files }, context.signal),
  );
  progress.clear();
  context.terminal.print(`${text}\n`);
}

async function runSweep(sweeping: Sweeping): Promise<void> {
  const { request, file, options, format, context, progress } = sweeping;
  const { terminal } = context;
  const output = await openOutput(options.out, terminal);
  const { samples, names } = request;
  const counter = sweepCounter(names);
  const count = (result: PatchscopeResult, index: number): void => {
    const sample = samples[index];
    if (sample !== undefined) counter.add(result, sample.answers);
  };
  const kept = await keptLines(output.path, { format, file, count });
  await planAll(sweeping, output.path, kept);
  const done = Math.min(kept.lines.length, samples.length);
  if (output.path !== undefined && done > 0) {
    terminal.note(`${output.path} has ${done} of ${samples.length} samples already.\n`);
  }
  const lines =
    output.path === undefined
      ? { append: (line: string) => output.writeText(line), close: () => Promise.resolve() }
      : lineWriter(output.path, kept);
  const seconds =
    done < samples.length
      ? await runRest(sweeping, { kept: kept.lines, lines, path: output.path, count })
      : undefined;
  progress.clear();
  showSummary(counter, { terminal, path: output.path, seconds });
}

/** What a stopped sweep left; nothing where there is no file. Throws `usage` for another one's. */
async function keptLines(
  path: string | undefined,
  {
    format,
    file,
    count,
  }: Pick<Sweeping, "format" | "file"> & {
    readonly count: (result: PatchscopeResult, index: number) => void;
  },
): Promise<KeptLines> {
  if (path !== undefined && format === "jsonl") return readKeptLines(path, file.samples, count);
  const facts = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (path !== undefined && facts?.isFile() === true && facts.size > 0) throw tableExists(path);
  return { lines: [], bytes: 0 };
}

/** Refuses samples that cannot run, and a file that was written with another spec, before the model is loaded. */
async function planAll(
  sweeping: Sweeping,
  path: string | undefined,
  kept: KeptLines,
): Promise<void> {
  const { request, file, files, options, context, progress } = sweeping;
  const { samples } = request;
  await withOpenModels({ spec: firstSpec(sweeping), context, progress }, async (model, target) => {
    const models = { model, target, files };
    let done = 0;
    await fittingSamples({ ...file, samples }, async ({ spec }) => {
      if (context.signal.aborted) throw sweepStopped();
      await planOf(spec, models);
      const total = samples.length;
      progress.show({ label: "Planning", done: ++done, total, unit: "count" });
    });
    if (path === undefined) return;
    await checkKept(path, kept.lines, samples, { ...models, precision: options.precision });
  });
}

/** Runs the samples that have no line yet, and says how many seconds that took. */
async function runRest(
  sweeping: Sweeping,
  parts: {
    readonly kept: readonly KeptLine[];
    readonly lines: LineWriter;
    readonly path: string | undefined;
    readonly count: (result: PatchscopeResult, index: number) => void;
  },
): Promise<number> {
  const { request, format, options, context, progress } = sweeping;
  const { samples, names } = request;
  const { kept, lines, path, count } = parts;
  let done = kept.length;
  try {
    return await withLoadedModels(
      { spec: firstSpec(sweeping), options, context, progress },
      async (loaded, target) => {
        if (path !== undefined) checkEngine(path, kept, target ?? loaded);
        const begin = performance.now();
        const total = samples.length;
        const show = sweepProgress(progress, context.terminal, { from: done, total });
        show(done);
        const results = runMany(
          samples.map(({ spec }) => spec),
          loaded,
          {
            ...{ target, signal: context.signal, skip: done, memory: memoryLeft(options) },
            ...{ ...sweeping.files, onProgress: show },
          },
        );
        for await (const result of results) {
          const sample = samples[done];
          assert(sample, "every result has its sample");
          await lines.append(
            format === "csv"
              ? tableRows(sample, result, { samples, names, hasHeader: done === 0 })
              : sweepLine(sample, result),
          );
          count(result, done);
          done += 1;
        }
        return (performance.now() - begin) / 1000;
      },
    );
  } catch (error) {
    progress.clear();
    if (done > 0) context.terminal.note(`${stoppedWords(sweeping, path, done)}\n`);
    throw error;
  } finally {
    await lines.close();
  }
}

/** What there is of a sweep that did not come to its end. */
function stoppedWords(
  { request, format }: Sweeping,
  path: string | undefined,
  done: number,
): string {
  const part = `${done} of ${request.samples.length} samples are`;
  if (path === undefined) {
    return `${part} written. With --out FILE.jsonl a stopped sweep can be gone on with.`;
  }
  return format === "csv"
    ? `${part} in ${path}. A table cannot be gone on with; --format jsonl can.`
    : `${part} in ${path}: the same command goes on from there.`;
}

function showSummary(
  counter: SweepCounter,
  parts: {
    readonly terminal: CommandContext["terminal"];
    readonly path: string | undefined;
    readonly seconds: number | undefined;
  },
): void {
  const { terminal, path, seconds } = parts;
  // Beside lines on standard output it goes where they are not; a log of those gets the words only.
  const isBeside = path === undefined;
  const text = sweepTable(counter.tally(), {
    width: terminal.width,
    unicode: terminal.unicode,
    colour: terminal.colour && (!isBeside || terminal.hasProgressBars),
    hasTable: !isBeside || terminal.hasProgressBars,
    seconds,
  });
  if (isBeside) terminal.note(`${text}\n`);
  else terminal.print(`${text}\n`);
}
