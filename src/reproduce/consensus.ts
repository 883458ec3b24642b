/**
 * How often `ask` is right, measured: every question of the table asked of subjects whose answers are known, side by side
 * with the plainest rule on the same read-outs. Test subjects took no part in any choice.
 */
import {
  CONSENSUS_THRESHOLD,
  consensusOf,
  evidenceBehind,
  standsOut,
} from "../measure/consensus.ts";
import type { ConsensusReadOut, ConsensusSource, RankedAnswer } from "../measure/consensus.ts";
import { bootstrapRate, wilson, type Rate } from "../measure/intervals.ts";
import { plainConsensus } from "../measure/plain-consensus.ts";
import { unrelatedSentences } from "../measure/unrelated-sentences.ts";
import { askControls, wordingSpec, wordingWeight } from "../run/ask.ts";
import type { SourceText } from "../run/many-sources.ts";
import { ENGLISH_DOMAINS, KOREAN_DOMAINS } from "../spec/questions/domains.ts";
import { layersAt, type Question } from "../spec/questions/question.ts";
import { domainOf } from "../spec/questions/questions.ts";
import { isRight, names } from "./is-right.ts";
import { readPart, type PartContext, type PartOutput } from "./read-part.ts";
import { ENGLISH_SUBJECTS } from "./subjects/english.ts";
import { KOREAN_SUBJECTS } from "./subjects/korean.ts";
import type { Subject, Subjects } from "./subjects/subjects.ts";

/** Which subjects a measurement is of. */
export type SubjectSet = keyof Subjects;

/** What was measured of one question. */
export interface ConsensusRow {
  readonly question: string;
  readonly asks: string;
  /** Read-outs of each subject. */
  readonly readOuts: number;
  /** Whether one read-out names a right answer, on average, and at the best wording and layers in hindsight. */
  readonly cell: { readonly mean: number; readonly best: number };
  /** Whether any read-out names one. */
  readonly any: Rate;
  /** Whether the plain rule's best word is right. */
  readonly plain: Rate;
  /** Whether our best answer is right, whatever its score. */
  readonly best: Rate;
  /** What stands out, by score and evidence as in `ask`, and by the score alone. */
  readonly given: GivenAnswers;
  readonly byScore: GivenAnswers;
  /** Subjects that only one of the rules has right. */
  readonly onlyOurs: number;
  readonly onlyPlain: number;
  /** Of each wording alone: how often our best answer is right. */
  readonly wordings: readonly { readonly text: string; readonly best: Rate }[];
}

/** Answers that stand out. */
export interface GivenAnswers {
  /** Subjects with one. */
  readonly answered: Rate;
  /** Right among them. */
  readonly precision: Rate;
  /** Subjects of other kinds with one: they have no answer. */
  readonly strangers: Rate;
}

/** How many subjects of other kinds are asked, too: they have no answer. */
const STRANGERS = 8;

/** What a question's subjects are. */
interface Asked {
  readonly question: Question;
  readonly subjects: readonly Subject[];
  readonly contrast: readonly string[];
  readonly strangers: readonly { readonly name: string; readonly frame: string }[];
}

/** Measures a question. */
export async function measureQuestion(
  question: Question,
  set: SubjectSet,
  context: PartContext,
): Promise<ConsensusRow> {
  const asked = askedOf(question, set);
  const outputs: PartOutput[] = [];
  for (const { text } of question.wordings) {
    outputs.push(await readPart(partOf(text, asked, context), context));
  }
  const judged = judge(asked, outputs);
  const answers = [
    ...judged.map(({ answer }) => answer),
    ...asked.contrast.map(() => undefined),
    ...strangerAnswers(asked, outputs),
  ];
  const evidence = await evidenceOf(asked, answers, context);
  return rowOf(asked, { outputs, judged, answers, evidence });
}

/** The median evidence behind each source's answer, where its score alone lets it stand out. */
async function evidenceOf(
  asked: Asked,
  answers: readonly (RankedAnswer | undefined)[],
  context: PartContext,
): Promise<readonly (number | undefined)[]> {
  const readOuts = answers.map((): { evidence?: number | undefined }[] => []);
  const high = [...answers.keys()].filter((index) => isHigh(answers[index]));
  for (const [wording, { text }] of asked.question.wordings.entries()) {
    const part = partOf(text, asked, context);
    const width = part.pairs.length;
    const isOfWording = (readOut: number): boolean => Math.floor(readOut / width) === wording;
    const sources = high.filter((index) => answers[index]?.saidBy.some(isOfWording));
    if (sources.length === 0) continue;
    const texts = sources.flatMap((index) => part.sources[index] ?? []);
    const unrelated = unrelatedSentences(texts[0]?.prompt ?? "");
    const spec = wordingSpec(text, {
      model: context.on.model.name,
      controls: askControls(unrelated),
    });
    const output = await readPart({ ...part, spec, sources: texts }, context);
    for (const [at, index] of sources.entries()) {
      for (const [pair, { evidence }] of (output.readOuts[at] ?? []).entries()) {
        const of = readOuts[index];
        if (of !== undefined) of[wording * width + pair] = { evidence };
      }
    }
  }
  return answers.map((answer, index) => answer && evidenceBehind(answer, readOuts[index] ?? []));
}

function isHigh(answer: RankedAnswer | undefined): boolean {
  return answer !== undefined && answer.score >= CONSENSUS_THRESHOLD;
}

/** One wording, asked of all. */
function partOf(
  wording: string,
  asked: Asked,
  { on }: Pick<PartContext, "on">,
): Parameters<typeof readPart>[0] {
  const { frame } = domainOf(asked.question);
  const inFrame = (name: string, of = frame): SourceText => ({
    prompt: of.replace("{}", name),
    position: -1,
  });
  return {
    spec: wordingSpec(wording, { model: on.model.name, controls: [] }),
    sources: [
      ...asked.subjects.map(({ name }) => inFrame(name)),
      ...asked.contrast.map((name) => inFrame(name)),
      ...asked.strangers.map((stranger) => inFrame(stranger.name, stranger.frame)),
    ],
    pairs: layersAt(asked.question.pairs, on.model.architecture.layers),
  };
}

/** Whom a question is asked: subjects of its domain, its contrast set, some subjects of each other domain. */
function askedOf(question: Question, set: SubjectSet): Asked {
  const subjects = question.language === "ko" ? KOREAN_SUBJECTS : ENGLISH_SUBJECTS;
  const domains = question.language === "ko" ? KOREAN_DOMAINS : ENGLISH_DOMAINS;
  const others = Object.entries(subjects).filter(([domain]) => domain !== question.domain);
  const each = Math.ceil(STRANGERS / others.length);
  const strangers = others.flatMap(([domain, of]) =>
    of[set].slice(0, each).map(({ name }) => ({ name, frame: domains[domain]?.frame ?? "{}" })),
  );
  return {
    question,
    subjects: subjects[question.domain]?.[set] ?? [],
    contrast: domainOf(question).contrast,
    strangers: strangers.slice(0, STRANGERS),
  };
}

/** An answer that was given, and whether it is right. */
interface Judged {
  readonly subject: Subject;
  readonly answer: RankedAnswer | undefined;
  readonly isRight: boolean;
  readonly isPlainRight: boolean;
  /** By read-out. */
  readonly named: readonly boolean[];
}

function rowOf(
  asked: Asked,
  found: {
    readonly outputs: readonly PartOutput[];
    /** Of the subjects. */
    readonly judged: readonly Judged[];
    /** Of each source: subjects, contrast set, strangers. */
    readonly answers: readonly (RankedAnswer | undefined)[];
    /** Behind each of these. */
    readonly evidence: readonly (number | undefined)[];
  },
): ConsensusRow {
  const { question, subjects } = asked;
  const { outputs, judged, answers, evidence } = found;
  const rate = (of: (one: Judged) => boolean): Rate =>
    wilson(judged.filter(of).length, judged.length);
  const firstStranger = subjects.length + asked.contrast.length;
  const strangers = answers.slice(firstStranger);
  const given = (stands: (answer: RankedAnswer, source: number) => boolean): GivenAnswers => {
    const isGiven = (answer: RankedAnswer | undefined, source: number): boolean =>
      answer !== undefined && stands(answer, source);
    const answered = judged.filter(({ answer }, index) => isGiven(answer, index));
    const toStrangers = strangers.filter((answer, index) => isGiven(answer, firstStranger + index));
    return {
      answered: wilson(answered.length, judged.length),
      precision: wilson(answered.filter((one) => one.isRight).length, answered.length),
      strangers: wilson(toStrangers.length, strangers.length),
    };
  };
  const cells = judged[0]?.named.length ?? 0;
  const perCell = Array.from(
    { length: cells },
    (_, cell) => judged.filter(({ named }) => named[cell]).length / Math.max(1, subjects.length),
  );
  return {
    question: question.name,
    asks: question.asks,
    readOuts: cells,
    cell: {
      mean: perCell.reduce((a, b) => a + b, 0) / Math.max(1, cells),
      best: Math.max(0, ...perCell),
    },
    any: rate(({ named }) => named.includes(true)),
    plain: rate(({ isPlainRight }) => isPlainRight),
    best: rate((one) => one.isRight),
    given: given(({ score }, source) => standsOut({ score, evidence: evidence[source] })),
    byScore: given(isHigh),
    onlyOurs: judged.filter((one) => one.isRight && !one.isPlainRight).length,
    onlyPlain: judged.filter((one) => !one.isRight && one.isPlainRight).length,
    wordings: question.wordings.map(({ text }, index) => {
      const alone = judge(
        {
          ...asked,
          question: { ...question, wordings: question.wordings.slice(index, index + 1) },
        },
        outputs.slice(index, index + 1),
      );
      return { text, best: wilson(alone.filter((one) => one.isRight).length, alone.length) };
    }),
  };
}

function judge(asked: Asked, outputs: readonly PartOutput[]): Judged[] {
  const { question, subjects, contrast } = asked;
  const said = subjects.map((_, index) => sourceOf(asked, outputs, index));
  const held = contrast.map((_, index) => sourceOf(asked, outputs, subjects.length + index));
  return subjects.map((subject, index): Judged => {
    const right = subject.answers[question.name] ?? [];
    const source = said[index] ?? { readOuts: [] };
    const [answer] = consensusOf({
      source,
      contrast: held.filter((_, at) => contrast[at] !== subject.name),
    });
    const [plain] = plainConsensus({
      source: source.readOuts.map(({ text }) => text),
      others: said
        .filter((_, at) => at !== index)
        .map(({ readOuts }) => readOuts.map(({ text }) => text)),
      name: source.name,
    });
    return {
      subject,
      answer,
      isRight: isRight(answer?.answer, right),
      isPlainRight: isRight(plain, right),
      named: source.readOuts.map(({ text }) => names(text, right)),
    };
  });
}

function strangerAnswers(
  asked: Asked,
  outputs: readonly PartOutput[],
): (RankedAnswer | undefined)[] {
  const { subjects, contrast, strangers } = asked;
  const held = contrast.map((_, index) => sourceOf(asked, outputs, subjects.length + index));
  return strangers.map((_, index) => {
    const source = sourceOf(asked, outputs, subjects.length + contrast.length + index);
    return consensusOf({ source, contrast: held })[0];
  });
}

/** All that a source said, wording by wording. */
function sourceOf(
  { question, subjects, contrast, strangers }: Asked,
  outputs: readonly PartOutput[],
  index: number,
): ConsensusSource {
  const called = [
    ...subjects.map(({ name }) => name),
    ...contrast,
    ...strangers.map(({ name }) => name),
  ];
  return {
    name: question.mayBeName ? undefined : called[index],
    readOuts: outputs.flatMap((output, wording) =>
      (output.readOuts[index] ?? []).map(({ text, next }): ConsensusReadOut => ({
        text,
        next: next.map(([piece, logprob]) => ({ piece, logprob })),
        weight: wordingWeight(question.wordings[wording]?.weight ?? 1),
      })),
    ),
  };
}

/** What several questions give together; subjects are drawn again question by question. */
export function together(
  rows: readonly ConsensusRow[],
  of: (row: ConsensusRow) => Rate,
): { readonly wilson: Rate; readonly bootstrap: Rate } {
  const rates = rows.map(of);
  const hits = rates.reduce((sum, rate) => sum + rate.hits, 0);
  const trials = rates.reduce((sum, rate) => sum + rate.trials, 0);
  return { wilson: wilson(hits, trials), bootstrap: bootstrapRate(rates) };
}
