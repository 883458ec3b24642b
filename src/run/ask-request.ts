/** From a question of the table, or the user's own wordings, to what `ask` takes. */
import { occurrenceOf, startsOf } from "../plan/texts.ts";
import type { SinglePosition } from "../spec/spec.ts";
import { domainOf, questionNamed } from "../spec/questions/questions.ts";
import type { DepthPair } from "../spec/questions/question.ts";
import type { AskRequest } from "./ask.ts";
import type { SourceText } from "./many-sources.ts";

/** What is asked: a question of the table, own wordings, or own wordings held against a question's contrast set. */
export interface Asked {
  readonly prompt: string;
  /** The token whose state is asked; the last one unless said otherwise. */
  readonly position?: SinglePosition;
  /** The name of a question. */
  readonly question?: string;
  /** Texts in which `x` stands for the vector; they take the place of the question's. */
  readonly wordings?: readonly string[];
  /** Other sources of the same kind; they take the place of the question's contrast set. */
  readonly contrast?: readonly SourceText[];
}

/** Layers for the user's own wordings: those of the English questions. */
const PAIRS: readonly DepthPair[] = [
  { source: 0.2, target: 0 },
  { source: 0.3, target: 0.1 },
  { source: 0.2, target: 0.2 },
];

/** The request. Throws `spec-invalid` for a question that there is not. */
export function askRequest(asked: Asked): AskRequest {
  const { prompt, position = -1 } = asked;
  const question = asked.question === undefined ? undefined : questionNamed(asked.question);
  const own = asked.wordings?.map((text) => ({ text, weight: 1 }));
  const name = wordAt(prompt, position);
  const isNameAnswer = question?.mayBeName ?? false;
  return {
    source: { prompt, position },
    wordings: own ?? question?.wordings ?? [],
    pairs: question?.pairs ?? PAIRS,
    contrast:
      asked.contrast ??
      (question === undefined ? [] : contrastOf(asked, question)).map((source) => ({
        ...source,
        name: isNameAnswer ? undefined : source.name,
      })),
    ...(!isNameAnswer && name !== undefined && { name }),
    ...(question &&
      own === undefined && { question: { name: question.name, asks: question.asks } }),
  };
}

/** Others of the question's kind in the source's own text where it says which word is asked; else in a sentence of theirs. */
function contrastOf(
  { prompt, position }: Asked,
  question: Parameters<typeof domainOf>[0],
): (SourceText & { readonly name: string })[] {
  const { contrast, frame } = domainOf(question);
  const named = typeof position === "object" && "find" in position ? position : undefined;
  const start = named && occurrenceOf(startsOf(named.find, prompt), named.occurrence);
  return contrast
    .filter((name) => name !== named?.find && !(start === undefined && prompt.endsWith(name)))
    .map((name) =>
      start === undefined
        ? { prompt: frame.replace("{}", name), position: -1, name }
        : // Nothing behind a token changes its state, so the text ends with the word.
          { prompt: prompt.slice(0, start) + name, position: -1, name },
    );
}

/** What a source is called: the text that is looked for, or the last word where its last token is read. */
function wordAt(prompt: string, position: SourceText["position"]): string | undefined {
  if (typeof position === "object") return "find" in position ? position.find : undefined;
  return position === -1 ? /[\p{L}\p{M}\p{N}'’-]+$/u.exec(prompt)?.[0] : undefined;
}
