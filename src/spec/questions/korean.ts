/**
 * The questions in Korean. Wordings and their weights were chosen on development subjects only, on Gemma 3 270M, which says
 * little without an example; there, states do best at the layer that they come from.
 */
import type { Question } from "./question.ts";

/** The Korean questions, in the order in which they are best shown. */
export const KOREAN_QUESTIONS: readonly Question[] = [
  question("대륙", "나라", "나라가 있는 대륙", [
    [0.44, "체코는 유럽에 있는 나라이고, x는"],
    [0.22, "체코는 유럽에 있고, x는"],
    [0.22, "체코가 있는 대륙은 유럽이고, x가 있는 대륙은"],
  ]),
  question("언어", "나라", "나라의 언어", [
    [0.28, "카타르에서 쓰는 언어는 아랍어이고, x에서 쓰는 언어는"],
    [0.22, "카타르에서는 아랍어, 체코에서는 체코어, x에서는"],
    [0.16, "카타르의 공용어는 아랍어이고, x의 공용어는"],
  ]),
  question("도시의-나라", "도시", "도시가 있는 나라", [
    [0.38, "리버풀은 영국의 도시, 선양은 중국의 도시, x는"],
    [0.34, "리버풀이 있는 나라는 영국이고, x가 있는 나라는"],
    [0.31, "리버풀이 있는 나라는 영국, 선양이 있는 나라는 중국, x가 있는 나라는"],
  ]),
  question("도시의-대륙", "도시", "도시가 있는 대륙", [
    [0.31, "선양은 아시아에 있고, x는"],
    [0.38, "리버풀은 유럽에 있고, x는"],
    [0.22, "리버풀이 있는 대륙은 유럽이고, x가 있는 대륙은"],
  ]),
  question("음식의-종류", "음식", "음식의 종류", [
    [0.41, "살구는 과일이고, x는"],
    [0.28, "살구의 종류는 과일이고, x의 종류는"],
    [0.22, "살구는 과일, 부추는 채소, x는"],
  ]),
  question("음식의-색", "음식", "음식의 색", [
    [0.28, "숯은 검은색이고, x는"],
    [0.25, "석탄의 색깔은 검은색이고, x의 색깔은"],
  ]),
  question("영어-이름", "음식", "음식의 영어 이름", [
    [0.28, "물은 water, 살구는 apricot, x는"],
    [0.25, "살구는 영어로 apricot이고, x는 영어로"],
  ]),
];

function question(
  name: string,
  domain: string,
  asks: string,
  wordings: readonly (readonly [weight: number, text: string])[],
): Question {
  return {
    name,
    language: "ko",
    domain,
    asks,
    wordings: wordings.map(([weight, text]) => ({ text, weight })),
    pairs: [
      { source: 0.11, target: 0.11 },
      { source: 0.22, target: 0.22 },
      { source: 0.33, target: 0.33 },
    ],
    // The language of 프랑스 is 프랑스어.
    mayBeName: name === "언어",
  };
}
