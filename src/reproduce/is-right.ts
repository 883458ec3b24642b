/** Whether an answer is one of the right ones: the same words, or the beginning of a right answer of several words. */

/** Plurals are no difference in English; in Korean, what is attached to a word is none. */
export function isRight(answer: string | undefined, right: readonly string[]): boolean {
  const said = wordsOf(answer ?? "");
  return right.some((form) => {
    const words = wordsOf(form);
    return contains(said, words) || isBeginning(said, words);
  });
}

/** Whether a text names one of the right answers anywhere. */
export function names(text: string, right: readonly string[]): boolean {
  const said = wordsOf(text);
  return right.some((form) => contains(said, wordsOf(form)));
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

function contains(said: readonly string[], words: readonly string[]): boolean {
  return said.some((_, at) => words.every((word, index) => isSame(said[at + index], word)));
}

/** "Buenos" for Buenos Aires: what a rule of single words can say of it. */
function isBeginning(said: readonly string[], words: readonly string[]): boolean {
  return (
    said.length < words.length &&
    said.join(" ").length > 3 &&
    said.every((word, index) => word === words[index])
  );
}

function isSame(said: string | undefined, word: string): boolean {
  if (said === undefined) return false;
  if (/\p{Script=Hangul}/u.test(word)) return said.startsWith(word);
  return said === word || said === `${word}s` || said === `${word}es` || `${said}s` === word;
}
