/**
 * How often the rule of evidence errs, measured: how often a text is claimed for a state that it does not come from, and
 * how often a read-out that names a right answer, which the prompt alone does not give, is said to depend on the vector.
 */
import { EVIDENCE_THRESHOLD, evidenceOf } from "../measure/evidence.ts";
import { bootstrapRate, wilson, type Group, type Rate } from "../measure/intervals.ts";
import { presetSpec } from "../spec/presets/presets.ts";
import { ENGLISH_DOMAINS } from "../spec/questions/domains.ts";
import { layersAt } from "../spec/questions/question.ts";
import { questionNamed } from "../spec/questions/questions.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { names } from "./is-right.ts";
import { readPart, type PartContext, type PartOutput, type PartReadOut } from "./read-part.ts";
import { ENGLISH_SUBJECTS } from "./subjects/english.ts";
import type { Subject } from "./subjects/subjects.ts";

/** What was measured of one preset on one model. */
export interface TrustRow {
  readonly preset: string;
  /** What was read with it. */
  readonly targets: readonly string[];
  readonly subjects: number;
  readonly readOuts: number;
  /** Read-outs that name a right answer, which the prompt alone does not give, and depend on the vector. */
  readonly power: { readonly wilson: Rate; readonly bootstrap: Rate };
  /** Texts that are claimed for another, unrelated state. */
  readonly falsePositives: { readonly wilson: Rate; readonly bootstrap: Rate };
  /** Read-outs that depend on the vector and name no right answer: dependence is not truth. */
  readonly wrong: Rate;
}

/** Where states are read and written, as parts of the depth: two that do well on both models. */
const PAIRS = [
  { source: 0.2, target: 0.2 },
  { source: 0.3, target: 0.1 },
] as const;

/** Tokens of a read-out: those that evidence is about. */
const TOKENS = 8;

/** What countries are asked, in the paper's form: a few words with the placeholder last. */
const ZERO_SHOT: readonly (readonly [question: string, ask: string])[] = [
  ["capital", "The capital city of x"],
  ["currency", "The official currency of x"],
  ["language", "People speak the language of x"],
  ["continent", "The continent of x"],
];

/** The same, each in the best wording of `ask`, which leads to the answer: so it does without the vector, too. */
const QUESTIONS = ["capital", "currency", "language", "continent"] as const;

/** A target prompt, the subjects that are read with it, and what is right to say of them. */
interface Trial {
  readonly spec: PatchscopeSpec;
  readonly target: string;
  readonly frame: string;
  readonly subjects: readonly Subject[];
  readonly attributes: readonly string[];
}

/** Measures a model: one row for each preset that generates text. */
export async function measureTrust(
  context: PartContext,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<TrustRow[]> {
  const { name } = context.on.model;
  const byPreset = {
    attribute: ZERO_SHOT.map(([question, ask]) => countryTrial(question, ask, name)),
    "attribute, as in ask": QUESTIONS.map((question) =>
      countryTrial(question, questionNamed(question).wordings[0]?.text ?? "", name),
    ),
    entity: entityTrials(name),
  };
  const total = Object.values(byPreset).flat().length;
  let done = 0;
  const rows: TrustRow[] = [];
  for (const [preset, trials] of Object.entries(byPreset)) {
    const outputs: PartOutput[] = [];
    for (const trial of trials) {
      onProgress(done++, total);
      outputs.push(await readTrial(trial, context));
    }
    rows.push(rowOf(preset, trials, outputs));
  }
  return rows;
}

function countryTrial(question: string, ask: string, model: string): Trial {
  const spec = presetSpec("attribute", { prompt: "x", model, layer: 0, maxTokens: TOKENS, ask });
  return { spec, target: ask, ...subjectsOf("country"), attributes: [question] };
}

function entityTrials(model: string): Trial[] {
  const spec = presetSpec("entity", { prompt: "x", model, layer: 0, maxTokens: TOKENS });
  return ["country", "person", "city"].map((domain) => {
    const subjects = subjectsOf(domain);
    const attributes = Object.keys(subjects.subjects[0]?.answers ?? {});
    return { spec, target: `entity description of each ${domain}`, ...subjects, attributes };
  });
}

function subjectsOf(domain: string): Pick<Trial, "frame" | "subjects"> {
  return {
    frame: ENGLISH_DOMAINS[domain]?.frame ?? "{}",
    subjects: ENGLISH_SUBJECTS[domain]?.test ?? [],
  };
}

function readTrial({ spec, frame, subjects }: Trial, context: PartContext): Promise<PartOutput> {
  const { layers } = context.on.model.architecture;
  const sources = subjects.map(({ name }) => ({ prompt: frame.replace("{}", name), position: -1 }));
  return readPart({ spec, sources, pairs: layersAt(PAIRS, layers) }, context);
}

function rowOf(preset: string, trials: readonly Trial[], outputs: readonly PartOutput[]): TrustRow {
  const power: Group[] = [];
  const falsePositives: Group[] = [];
  let wrong = 0;
  let isWrongAndDependent = 0;
  for (const [index, trial] of trials.entries()) {
    const output = outputs[index];
    for (const [at, subject] of trial.subjects.entries()) {
      const readOuts = output?.readOuts[at] ?? [];
      const named = readOuts.filter(({ text }) => namesAnswer(text, subject, trial));
      const unnamed = readOuts.filter(({ text }) => !namesAnswer(text, subject, trial));
      const said = named.filter(({ text }) => !isSaidAnyway(text, subject, trial, output));
      power.push({ hits: said.filter(depends).length, trials: said.length });
      wrong += unnamed.length;
      isWrongAndDependent += unnamed.filter(depends).length;
      falsePositives.push(...readOuts.map(claimedForOthers));
    }
  }
  return {
    preset,
    targets: trials.map(({ target }) => target),
    subjects: new Set(trials.flatMap(({ subjects }) => subjects)).size,
    readOuts: outputs.flatMap(({ readOuts }) => readOuts.flat()).length,
    power: rates(power),
    falsePositives: rates(falsePositives),
    wrong: wilson(isWrongAndDependent, wrong),
  };
}

function rates(groups: readonly Group[]): TrustRow["power"] {
  const hits = groups.reduce((sum, group) => sum + group.hits, 0);
  const trials = groups.reduce((sum, group) => sum + group.trials, 0);
  return { wilson: wilson(hits, trials), bootstrap: bootstrapRate(groups) };
}

function depends({ evidence }: PartReadOut): boolean {
  return (evidence ?? -Infinity) >= EVIDENCE_THRESHOLD;
}

function namesAnswer(text: string, { answers }: Subject, { attributes }: Trial): boolean {
  return attributes.some((attribute) => names(text, answers[attribute] ?? []));
}

/** Whether every right answer in the text is in the prompt too, or in what it says without a vector. */
function isSaidAnyway(
  text: string,
  { answers }: Subject,
  { attributes, spec }: Trial,
  output: PartOutput | undefined,
): boolean {
  const prompt = "prompt" in spec.target ? spec.target.prompt : "";
  const said = attributes.flatMap((attribute) =>
    (answers[attribute] ?? []).filter((answer) => names(text, [answer])),
  );
  return said.every((answer) => names(`${prompt} ${output?.unpatched ?? ""}`, [answer]));
}

/** A text claimed for each unrelated sentence's state in turn, the others and the prompt alone being the controls. */
function claimedForOthers({ unrelated = [], unpatched }: PartReadOut): Group {
  const hits = unrelated.filter((underVector, index) => {
    const against = unrelated.filter((_, other) => other !== index);
    const evidence = evidenceOf({ underVector, unpatched, against });
    return evidence !== undefined && evidence >= EVIDENCE_THRESHOLD;
  });
  return { hits: hits.length, trials: unrelated.length };
}
