/** The table of questions, and the domains that they are asked of. */
import { specInvalid } from "../../errors.ts";
import { questionUnknown } from "../errors.ts";
import { ENGLISH_DOMAINS, KOREAN_DOMAINS } from "./domains.ts";
import { ENGLISH_QUESTIONS } from "./english.ts";
import { KOREAN_QUESTIONS } from "./korean.ts";
import type { Domain, Question } from "./question.ts";

/** All questions, English ones first. */
export const QUESTIONS: readonly Question[] = [...ENGLISH_QUESTIONS, ...KOREAN_QUESTIONS];

/** The question of this name. Throws `spec-invalid` for others, with the nearest name. */
export function questionNamed(name: string): Question {
  const found = QUESTIONS.find((question) => question.name === name);
  if (found !== undefined) return found;
  throw specInvalid([
    questionUnknown(
      name,
      QUESTIONS.map((question) => question.name),
    ),
  ]);
}

/** What a question is asked of. */
export function domainOf({ domain }: Pick<Question, "domain">): Domain {
  const found = ENGLISH_DOMAINS[domain] ?? KOREAN_DOMAINS[domain];
  return found ?? { name: domain, frame: "{}", contrast: [] };
}
