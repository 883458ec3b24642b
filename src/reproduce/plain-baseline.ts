/**
 * The plain rule with the settings that it was first tried with: four questions about countries in three wordings each, six
 * pairs of layers, ten tokens. What `ask` is measured against beside the plain rule on its own read-outs.
 */
import { wilson, type Rate } from "../measure/intervals.ts";
import { plainConsensus } from "../measure/plain-consensus.ts";
import { ENGLISH_DOMAINS } from "../spec/questions/domains.ts";
import { layersAt } from "../spec/questions/question.ts";
import { parseSpec } from "../spec/schema.ts";
import { isRight } from "./is-right.ts";
import { readPart, type PartContext, type PartOutput } from "./read-part.ts";
import { ENGLISH_SUBJECTS } from "./subjects/english.ts";
import type { Subjects } from "./subjects/subjects.ts";

const WORDINGS: Readonly<Record<string, readonly string[]>> = {
  currency: [
    "The official currency of x",
    "In this country people pay with the money called x. The currency of x",
    "The money used in x",
  ],
  capital: [
    "The capital city of x",
    "The largest city in x",
    "The government of x is in the city of",
  ],
  language: ["People speak the language of x", "The official language of x", "In x, people speak"],
  continent: [
    "The continent of x",
    "x is a country in",
    "The country of x is located on the continent of",
  ],
};

/** Blocks 4, 8, 6, 10, 10, 14 of 30, written at 0, 0, 3, 3, 6, 6. */
const PAIRS = [
  [4, 0],
  [8, 0],
  [6, 3],
  [10, 3],
  [10, 6],
  [14, 6],
].map(([source = 0, target = 0]) => ({ source: source / 30, target: target / 30 }));

const TOKENS = 10;

/** How often the plain rule is right with its own wordings and layers, by question. */
export async function measurePlainBaseline(
  set: keyof Subjects,
  context: PartContext,
): Promise<Readonly<Record<string, Rate>>> {
  const rates: Record<string, Rate> = {};
  for (const [question, wordings] of Object.entries(WORDINGS)) {
    const outputs: PartOutput[] = [];
    for (const wording of wordings) outputs.push(await readWording(wording, set, context));
    rates[question] = rateOf(question, set, outputs);
  }
  return rates;
}

function readWording(
  prompt: string,
  set: keyof Subjects,
  context: PartContext,
): Promise<PartOutput> {
  const { name, architecture } = context.on.model;
  const spec = parseSpec({
    version: 1,
    source: { model: name, prompt: "x", layer: 0 },
    target: { prompt, position: { find: "x", occurrence: "last" }, layer: 0 },
    read: { kind: "generate", maxTokens: TOKENS, topK: 1 },
    controls: [],
  });
  const frame = ENGLISH_DOMAINS["country"]?.frame ?? "{}";
  const sources = subjectsOf(set).map((subject) => ({
    prompt: frame.replace("{}", subject.name),
    position: -1,
  }));
  return readPart({ spec, sources, pairs: layersAt(PAIRS, architecture.layers) }, context);
}

function subjectsOf(set: keyof Subjects): Subjects["test"] {
  return ENGLISH_SUBJECTS["country"]?.[set] ?? [];
}

function rateOf(question: string, set: keyof Subjects, outputs: readonly PartOutput[]): Rate {
  const subjects = subjectsOf(set);
  const said = subjects.map((_, index) =>
    outputs.flatMap(({ readOuts }) => (readOuts[index] ?? []).map(({ text }) => text)),
  );
  const right = subjects.filter(({ name, answers }, index) => {
    const [best] = plainConsensus({
      source: said[index] ?? [],
      others: said.filter((_, other) => other !== index),
      // A language may be called like its country.
      name: question === "language" ? undefined : name,
    });
    return isRight(best, answers[question] ?? []);
  });
  return wilson(right.length, subjects.length);
}
