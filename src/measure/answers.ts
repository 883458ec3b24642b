/** Whether a read-out names the right answer, letter by letter: small and capital letters are the only difference that is none. */

/** Whether a text has one of the answers in it, as whole words. */
export function namesAnswer(text: string, answers: readonly string[]): boolean {
  const said = normal(text);
  return answers.some((answer) => wholeWords(normal(answer)).test(said));
}

/** Whether one of the answers begins with a token; the space before a word is no part of it. */
export function beginsAnswer(piece: string, answers: readonly string[]): boolean {
  const said = normal(piece);
  return said !== "" && answers.some((answer) => normal(answer).startsWith(said));
}

function normal(text: string): string {
  return text.normalize("NFC").toLowerCase().replaceAll(/\s+/gu, " ").trim();
}

/** Letters of scripts without spaces between words, where a word may begin and end anywhere. */
const WITHOUT_SPACES = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}]/u;
const IN_A_WORD = "[\\p{L}\\p{M}\\p{N}]";

function wholeWords(answer: string): RegExp {
  const first = Array.from(answer)[0] ?? "";
  const last = Array.from(answer).at(-1) ?? "";
  const escaped = answer.replaceAll(/[\\^$.*+?()[\]{}|/-]/gu, String.raw`\$&`);
  const isWord = (letter: string): boolean =>
    new RegExp(IN_A_WORD, "u").test(letter) && !WITHOUT_SPACES.test(letter);
  const begin = isWord(first) ? `(?<!${IN_A_WORD})` : "";
  // Korean attaches particles to the end of a word.
  const end = isWord(last) && !/\p{sc=Hang}/u.test(last) ? `(?!${IN_A_WORD})` : "";
  return new RegExp(`${begin}${escaped}${end}`, "u");
}
