/** What the rule of evidence is held against: every preset that writes a text, read with subjects whose right answers are known. */
import { presetSpec, type PresetName } from "../spec/presets/presets.ts";
import type { PresetOptions } from "../spec/presets/preset.ts";
import { ENGLISH_DOMAINS, KOREAN_DOMAINS } from "../spec/questions/domains.ts";
import { layersAt } from "../spec/questions/question.ts";
import { questionNamed } from "../spec/questions/questions.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { ENGLISH_SUBJECTS } from "./subjects/english.ts";
import { ENGLISH_FEELINGS, KOREAN_FEELINGS } from "./subjects/feelings.ts";
import { KOREAN_SUBJECTS } from "./subjects/korean.ts";
import type { Subject } from "./subjects/subjects.ts";

/** One subject read with one target. */
export interface Trial {
  readonly spec: PatchscopeSpec;
  /** Trials with the same subject are alike. */
  readonly subject: string;
  /** What is right to say. */
  readonly right: readonly string[];
}

/** All trials of a preset. */
export interface TrialSet {
  /** The preset, and its form where it has several. */
  readonly name: string;
  /** What was asked of which subjects. */
  readonly asked: string;
  readonly trials: readonly Trial[];
  /** Whether the target prompt leads to the answer by itself. */
  readonly isLeading: boolean;
}

/** What trials depend on of a model. */
export interface TrialModel {
  readonly name: string;
  readonly layers: number;
  /** Whether it has a chat template, which some presets need. */
  readonly isConversational: boolean;
  /** Whether it was trained on enough Korean to be asked in it. */
  readonly readsKorean: boolean;
}

/** Controls that evidence follows from. */
const EVIDENCE_ONLY: NonNullable<PresetOptions["controls"]> = [
  { kind: "unpatched" },
  { kind: "unrelated" },
];
/** Tokens of a read-out: those that evidence is about. */
const TOKENS = 8;

/**
 * Where most presets' states are taken and written, as parts of the depth: each to each. On development subjects it is
 * also where the second hops are right most often.
 */
const SOURCES = [0.2, 0.3];
const TARGETS = [0.1, 0.2];
/** Where the next words are decided: late, and written where they come from. */
const LATE = [0.7, 0.85];

/** What countries are asked, in the paper's form: a few words with the placeholder last. */
const ZERO_SHOT: Readonly<Record<string, string>> = {
  capital: "The capital city of x",
  currency: "The official currency of x",
  language: "People speak the language of x",
  continent: "The continent of x",
};
/**
 * The same in Korean, where the answer comes last by grammar; foods too, as a model that knows little knows those better.
 * Not their colours: on development subjects that prompt says "red" to most states, and 12 of 128 times that is right.
 */
const KOREAN_ZERO_SHOT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  나라: {
    수도: "x의 수도는",
    화폐: "x의 화폐는",
    언어: "x에서 쓰는 말은",
    대륙: "x가 있는 대륙은",
  },
  음식: { "영어-이름": "x(영어:", "음식의-종류": "x라는" },
};
/** Those that `ask` has in Korean. */
const KOREAN_QUESTIONS = ["언어", "대륙"];

const DESCRIBED = ["country", "person", "city"];
/** Of presets that write several states, whose controls take longest. */
const FEWER = ["country", "person"];
const KOREAN_DESCRIBED = ["나라", "도시", "동물"];

/** The sets of a model, in the order of the page. */
export function trialSets(model: TrialModel): readonly TrialSet[] {
  return [
    set("attribute", Object.values(ZERO_SHOT), attributeTrials(ZERO_SHOT, "country", model)),
    set("entity", DESCRIBED, describedTrials("entity", model)),
    ...(model.isConversational
      ? [
          set("selfie", DESCRIBED, describedTrials("selfie", model)),
          set("latent-qa", ["What … is it about?"], latentQaTrials(model)),
        ]
      : []),
    set("self-explaining", FEWER, selfExplainingTrials(model)),
    set("future-lens", Object.values(FUTURES).map(cloze), futureTrials(model)),
    set("multi-hop-repair", Object.values(HOPS), hopTrials(model)),
    set("emotion --aspect towards", ["towards whom"], feelingTrials("towards", "en", model)),
    ...(model.readsKorean
      ? [
          set(
            "attribute, Korean",
            Object.values(KOREAN_ZERO_SHOT).flatMap((asks) => Object.values(asks)),
            Object.entries(KOREAN_ZERO_SHOT).flatMap(([domain, asks]) =>
              attributeTrials(asks, domain, model),
            ),
          ),
          set(
            "entity --language ko",
            KOREAN_DESCRIBED,
            describedTrials("entity", model, KOREAN_DESCRIBED),
          ),
        ]
      : []),
    askTrials("attribute, as in ask", Object.keys(ZERO_SHOT), "country", model),
    leading("emotion", ["which feeling, and about what"], feelingTrials("feeling", "en", model)),
    ...(model.readsKorean
      ? [
          askTrials("attribute, as in ask, Korean", KOREAN_QUESTIONS, "나라", model),
          leading(
            "emotion --language ko",
            ["which feeling, and about what"],
            feelingTrials("feeling", "ko", model),
          ),
        ]
      : []),
  ];
}

/** The states of one model described by another, through a map; where they are written is for the caller to say. */
export function explainedTrials(model: TrialModel): TrialSet {
  return set("cross-model-entity", DESCRIBED, describedTrials("entity", model));
}

function set(name: string, asked: readonly string[], trials: readonly Trial[]): TrialSet {
  return { name, asked: asked.join("; "), trials, isLeading: false };
}

function leading(name: string, asked: readonly string[], trials: readonly Trial[]): TrialSet {
  return { ...set(name, asked, trials), isLeading: true };
}

/** Wordings of `ask`. */
function askTrials(
  name: string,
  questions: readonly string[],
  domain: string,
  model: TrialModel,
): TrialSet {
  const asks = Object.fromEntries(
    questions.map((question) => [question, questionNamed(question).wordings[0]?.text ?? ""]),
  );
  return leading(name, Object.values(asks), attributeTrials(asks, domain, model));
}

function attributeTrials(
  asks: Readonly<Record<string, string>>,
  domain: string,
  model: TrialModel,
): Trial[] {
  return questionTrials("attribute", asks, domain, model, (ask, subject) => ({
    prompt: framed(domain, subject),
    options: { ask, ...between(SOURCES, TARGETS, model) },
  }));
}

function describedTrials(
  preset: "entity" | "selfie",
  model: TrialModel,
  domains: readonly string[] = DESCRIBED,
): Trial[] {
  const isKorean = domains.every((domain) => domain in KOREAN_DOMAINS);
  const sources = preset === "selfie" ? [0.3] : SOURCES;
  return domains.flatMap((domain) =>
    subjectsOf(domain).map((subject) =>
      trial(preset, subject, model, {
        prompt: framed(domain, subject),
        right: anythingRight(subject),
        options: { ...between(sources, TARGETS, model), ...(isKorean && { language: "ko" }) },
      }),
    ),
  );
}

function latentQaTrials(model: TrialModel): Trial[] {
  return FEWER.flatMap((domain) =>
    subjectsOf(domain).map((subject) =>
      trial("latent-qa", subject, model, {
        prompt: framed(domain, subject),
        right: anythingRight(subject),
        options: { ask: `What ${domain} is it about?`, layer: depths(SOURCES, model) },
      }),
    ),
  );
}

function selfExplainingTrials(model: TrialModel): Trial[] {
  return depths([0.1, 0.2, 0.3], model).flatMap((layer) =>
    FEWER.flatMap((domain) =>
      subjectsOf(domain).map((subject) =>
        trial("self-explaining", subject, model, {
          prompt: framed(domain, subject),
          right: anythingRight(subject),
          options: { layer },
        }),
      ),
    ),
  );
}

/** Texts that stop before the answer, which the state of their last token anticipates. */
const FUTURES: Readonly<Record<string, string>> = {
  capital: "The capital city of {} is called",
  currency: "The official currency of {} is the",
  language: "The official language of {} is",
  continent: "{} is a country on the continent of",
};

function cloze(text: string): string {
  return `${filled(text, "…")} …`;
}

function futureTrials(model: TrialModel): Trial[] {
  return questionTrials("future-lens", FUTURES, "country", model, (text, { name }) => ({
    prompt: filled(text, name),
    options: { layer: depths(LATE, model) },
  }));
}

/** The second hops: what is asked of the country whose capital the first hop names. */
const HOPS: Readonly<Record<string, string>> = {
  currency: "The official currency of",
  language: "The official language of",
};

function hopTrials(model: TrialModel): Trial[] {
  return questionTrials("multi-hop-repair", HOPS, "country", model, (ask, { answers }) => ({
    prompt: `${ask} the country whose capital is ${answers["capital"]?.[0] ?? ""}`,
    // What the whole question gives has no part in the rule.
    options: { ask, ...between(SOURCES, TARGETS, model), controls: EVIDENCE_ONLY },
  }));
}

function feelingTrials(
  aspect: "feeling" | "towards",
  language: "en" | "ko",
  model: TrialModel,
): Trial[] {
  const subjects = language === "en" ? ENGLISH_FEELINGS : KOREAN_FEELINGS;
  return subjects.test.map((subject) =>
    trial("emotion", subject, model, {
      prompt: subject.name,
      right: subject.answers[aspect],
      options: { aspect, language, layer: depths([0.1, 0.2], model) },
    }),
  );
}

/** Each text, by the question that it asks, with each subject of a domain. */
function questionTrials(
  preset: PresetName,
  texts: Readonly<Record<string, string>>,
  domain: string,
  model: TrialModel,
  asked: (text: string, subject: Subject) => Pick<TrialParts, "prompt" | "options">,
): Trial[] {
  return Object.entries(texts).flatMap(([question, text]) =>
    subjectsOf(domain).map((subject) =>
      trial(preset, subject, model, {
        ...asked(text, subject),
        right: subject.answers[question],
      }),
    ),
  );
}

interface TrialParts {
  readonly prompt: string;
  readonly right: readonly string[] | undefined;
  readonly options: PresetOptions;
}

function trial(
  preset: PresetName,
  subject: Subject,
  { name: model }: TrialModel,
  parts: TrialParts,
): Trial {
  const { prompt, right = [], options } = parts;
  const spec = presetSpec(preset, { prompt, model, maxTokens: TOKENS, ...options });
  return { spec, subject: subject.name, right };
}

/** Its name, or an answer to any question about it. */
function anythingRight({ name, answers }: Subject): readonly string[] {
  return [name, ...Object.values(answers).flat()];
}

function subjectsOf(domain: string): readonly Subject[] {
  return (ENGLISH_SUBJECTS[domain] ?? KOREAN_SUBJECTS[domain])?.test ?? [];
}

function framed(domain: string, { name }: Subject): string {
  const { frame = "{}" } = ENGLISH_DOMAINS[domain] ?? KOREAN_DOMAINS[domain] ?? {};
  return filled(frame, name);
}

function filled(text: string, name: string): string {
  return text.replace("{}", name);
}

function between(
  sources: readonly number[],
  targets: readonly number[],
  model: TrialModel,
): Required<Pick<PresetOptions, "layer" | "targetLayer">> {
  return { layer: depths(sources, model), targetLayer: depths(targets, model) };
}

function depths(shares: readonly number[], { layers }: TrialModel): number[] {
  const pairs = shares.map((share) => ({ source: share, target: share }));
  return layersAt(pairs, layers).map(({ source }) => source);
}
