/** `patchscopes reproduce NAME`: measures what the documentation says, and writes the page. A stopped run goes on where it was. */
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { readSettings } from "../models/sources/settings.ts";
import type { LoadedModel } from "../node.ts";
import { consensusPage, type ConsensusPart } from "../reproduce/consensus-page.ts";
import { measureQuestion, type ConsensusRow, type SubjectSet } from "../reproduce/consensus.ts";
import type { TrialContext } from "../reproduce/read-trials.ts";
import { partStore } from "../reproduce/part-store-node.ts";
import type { PartStore } from "../reproduce/read-part.ts";
import { measurePlainBaseline } from "../reproduce/plain-baseline.ts";
import { trustPage, type TrustPart } from "../reproduce/trust-page.ts";
import { explainedTrials, trialSets, type TrialModel } from "../reproduce/trust-trials.ts";
import { measureTrust, type TrustRow } from "../reproduce/trust.ts";
import { ENGLISH_QUESTIONS } from "../spec/questions/english.ts";
import { KOREAN_QUESTIONS } from "../spec/questions/korean.ts";
import type { CommandContext } from "./context.ts";
import { assert } from "../errors.ts";
import { optionWrong } from "./errors.ts";
import { readBy, withMap } from "./explainer.ts";
import { threadsOption, withLoadedModel } from "./model-options.ts";
import { openOutput } from "./output.ts";
import { progressOn } from "./progress.ts";
import type { Progress } from "./progress.ts";

const MEASUREMENTS = ["consensus", "trust"] as const;
type Measurement = (typeof MEASUREMENTS)[number];

const NOTES = `
Measurements:
  consensus    how often \`ask\` is right, beside the plainest rule (docs/consensus.md)
  trust        how often the rule of evidence errs (docs/trust.md)

Each takes half an hour or more on a small machine. What was read is kept in the cache folder, so that a run that
was stopped goes on where it was.

Example:
  patchscopes reproduce consensus --out docs/consensus.md`;

/** Models that the pages are about. */
const ENGLISH_MODEL = "smollm2-135m-instruct";
const KOREAN_MODEL = "gemma-3-270m";

/** The command. */
export function reproduceCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("reproduce")
    .summary("measure what the documentation says")
    .description("Measures the figures of a page of the documentation, and writes the page.")
    .argument("<name>", "consensus or trust", parseMeasurement)
    .option("--subjects <set>", "test or development, for consensus", parseSet, "test")
    .option("-o, --out <file>", "write the page to this file")
    .option("--cache <folder>", "where parts are kept (default: in the program's cache)")
    .addOption(threadsOption())
    .addHelpText("after", NOTES)
    .action((name, options) => reproduce(name, options, context));
}

function parseMeasurement(value: string): Measurement {
  const found = MEASUREMENTS.find((each) => each === value);
  if (found !== undefined) return found;
  throw optionWrong({ option: "reproduce", expected: MEASUREMENTS.join(" or "), got: value });
}

function parseSet(value: string): SubjectSet {
  if (value === "test" || value === "development") return value;
  throw optionWrong({ option: "--subjects", expected: "test or development", got: value });
}

interface ReproduceOptions {
  readonly subjects: SubjectSet;
  readonly out?: string | undefined;
  readonly cache?: string | undefined;
  readonly threads?: number | undefined;
}

async function reproduce(
  name: Measurement,
  options: ReproduceOptions,
  context: CommandContext,
): Promise<void> {
  const output = await openOutput(options.out, context.terminal);
  const progress = progressOn(context.terminal);
  const { ownCache } = await readSettings(process.env);
  const store = partStore(options.cache ?? join(ownCache, "reproduce"));
  const measuring = { options, context, progress, store };
  try {
    const page =
      name === "consensus"
        ? consensusPage(await consensusParts(measuring), options.subjects)
        : trustPage(await trustParts(measuring));
    progress.clear();
    await output.writeText(page.trimEnd());
  } finally {
    progress.clear();
  }
}

interface Measuring {
  readonly options: ReproduceOptions;
  readonly context: CommandContext;
  readonly progress: Progress;
  readonly store: PartStore;
}

async function consensusParts(measuring: Measuring): Promise<ConsensusPart[]> {
  const { options, context, progress, store } = measuring;
  const parts: ConsensusPart[] = [];
  for (const { model, title, questions } of [
    { model: ENGLISH_MODEL, title: "English questions", questions: ENGLISH_QUESTIONS },
    { model: KOREAN_MODEL, title: "Korean questions", questions: KOREAN_QUESTIONS },
  ]) {
    const part = await withModel(model, measuring, async (on) => {
      const { signal } = context;
      const rows: ConsensusRow[] = [];
      for (const [done, question] of questions.entries()) {
        progress.show({ label: title, done, total: questions.length, unit: "count" });
        rows.push(await measureQuestion(question, options.subjects, { on, store, signal }));
      }
      const baseline =
        model === ENGLISH_MODEL
          ? await measurePlainBaseline(options.subjects, { on, store, signal })
          : {};
      return { model, title, rows, baseline };
    });
    parts.push(part);
  }
  return parts;
}

async function trustParts(measuring: Measuring): Promise<TrustPart[]> {
  const parts: TrustPart[] = [];
  for (const name of [ENGLISH_MODEL, KOREAN_MODEL]) {
    const rows = await withModel(name, measuring, async (on) => {
      const measured: TrustRow[] = [];
      for (const set of trialSets(trialModel(on))) {
        measured.push(
          await measureTrust(set, trialContext(on, measuring), shown(set.name, name, measuring)),
        );
      }
      return measured;
    });
    parts.push({ model: name, rows });
  }
  parts.push(await explainedPart(measuring));
  return parts;
}

/** The states of one model described by the other, through a map that is fitted first. */
function explainedPart(measuring: Measuring): Promise<TrustPart> {
  const { context, progress } = measuring;
  return withModel(ENGLISH_MODEL, measuring, (loaded) =>
    withModel(KOREAN_MODEL, measuring, async (target) => {
      const set = explainedTrials(trialModel(loaded));
      const [first] = set.trials;
      assert(first, "there are trials");
      const { spec, mappings } = await withMap(
        readBy(first.spec, KOREAN_MODEL),
        { layers: first.spec.source.layer },
        { loaded, target, context, progress },
      );
      const { mapping, target: to } = spec;
      const trials = set.trials.map((trial) => ({
        ...trial,
        spec: {
          ...trial.spec,
          mapping,
          target: { ...trial.spec.target, model: to.model, layer: to.layer },
        },
      }));
      const name = `${ENGLISH_MODEL} by ${KOREAN_MODEL}`;
      const row = await measureTrust(
        { ...set, trials },
        { ...trialContext(loaded, measuring), explainer: { target, mappings } },
        shown(set.name, name, measuring),
      );
      return { model: name, rows: [row] };
    }),
  );
}

function trialModel({ model }: LoadedModel): TrialModel {
  const { name, architecture } = model;
  return {
    name,
    layers: architecture.layers,
    isConversational: isConversational(model),
    readsKorean: name === KOREAN_MODEL,
  };
}

/** Whether a model has a chat template. */
function isConversational({ tokenizer }: LoadedModel["model"]): boolean {
  try {
    return tokenizer?.chat([{ role: "user", content: "Hello" }]) !== undefined;
  } catch {
    return false;
  }
}

function trialContext(on: LoadedModel, { context, store }: Measuring): TrialContext {
  return { on, store, signal: context.signal };
}

function shown(
  preset: string,
  model: string,
  { progress }: Measuring,
): (done: number, total: number) => void {
  return (done, total) =>
    progress.show({ label: `Evidence of ${preset} on ${model}`, done, total, unit: "count" });
}

function withModel<T>(
  name: string,
  { options, context, progress }: Measuring,
  use: (on: LoadedModel) => Promise<T>,
): Promise<T> {
  const { threads } = options;
  const modelOptions = { precision: "float32", device: "cpu", threads } as const;
  return withLoadedModel({ name, options: modelOptions, context, progress }, use);
}
