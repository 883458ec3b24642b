/**
 * Sentences that have nothing to do with what is inspected: their states are the controls. Everyday matters, different
 * from one another; no names, no countries, no questions; the last word, whose state is taken, is a content word.
 *
 * They are of the source's language. A Korean state makes a model go on in Korean, whatever it is about: held against English
 * sentences, every Korean read-out would depend on the vector, by its language alone.
 */
export const UNRELATED_SENTENCES: readonly string[] = [
  "Heavy rain is expected later this afternoon",
  "The carpenter sharpened every chisel by hand",
  "We painted the old wardrobe bright yellow",
  "Add the chopped onions and some butter",
  "The goalkeeper jumped but missed the ball",
  "Restarting the printer fixed the wireless connection",
  "A spider spun its web behind the curtain",
  "The choir rehearsed until everybody could sing",
];

const KOREAN_SENTENCES: readonly string[] = [
  "내일 아침까지 계속 내리는 비",
  "손으로 하나하나 다듬은 나무 의자",
  "밝은 노란색으로 칠한 낡은 옷장",
  "잘게 썬 양파와 녹인 버터",
  "높이 뛰었지만 공을 놓친 골키퍼",
  "껐다가 다시 켜서 고친 프린터",
  "커튼 뒤에 거미가 친 거미줄",
  "모두가 잘 부를 때까지 연습한 합창",
];

/** The sentences in the language of a text: Korean where it has as many letters of Hangul as others. */
export function unrelatedSentences(text: string): readonly string[] {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const hangul = text.match(/\p{Script=Hangul}/gu)?.length ?? 0;
  return hangul > 0 && 2 * hangul >= letters ? KOREAN_SENTENCES : UNRELATED_SENTENCES;
}
