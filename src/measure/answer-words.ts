/**
 * The words and phrases of a read-out that may be an answer, each with how much it says so: all when it comes first, less
 * the more stands before it. English and Korean; what is no content word begins and ends no phrase.
 */

/** A word, or some that stand side by side, as a read-out has them. */
export interface Phrase {
  readonly text: string;
  /** What forms of the same phrase have in common: small letters, no plural, no possessive. */
  readonly key: string;
  /** From 0 to 1. */
  readonly weight: number;
}

/** What a content word before a phrase leaves of its weight. */
const WEIGHT_PER_WORD = 0.8;
/** What the end of a sentence before it leaves. */
const WEIGHT_PER_SENTENCE = 0.3;
/** Words of a phrase, at most: "United States of America" is as long as answers get. */
const MAX_WORDS = 4;

/** The phrases of a text, each once, with its largest weight. */
export function phrasesOf(text: string): Phrase[] {
  const found = new Map<string, Phrase>();
  let weight = 1;
  for (const segment of segmentsOf(text)) {
    for (const [at, word] of segment.words.entries()) {
      if (isFiller(word)) continue;
      for (let end = at + 1; end <= Math.min(segment.words.length, at + MAX_WORDS); end++) {
        const words = segment.words.slice(at, end);
        if (isFiller(words.at(-1) ?? "")) continue;
        const phrase = {
          text: words.map(withoutEnding).join(" "),
          key: words.map(keyOf).join(" "),
          weight,
        };
        if ((found.get(phrase.key)?.weight ?? 0) < weight) found.set(phrase.key, phrase);
      }
      weight *= WEIGHT_PER_WORD;
    }
    if (segment.endsSentence) weight *= WEIGHT_PER_SENTENCE;
  }
  return [...found.values()];
}

/** Words between which nothing stands but spaces. */
interface Segment {
  readonly words: readonly string[];
  readonly endsSentence: boolean;
}

const WORD = /[\p{L}\p{M}][\p{L}\p{M}\p{N}]*(?:['’-][\p{L}\p{M}]+)*/gu;

function segmentsOf(text: string): Segment[] {
  const readable = text.replaceAll(/<[^<>\s]*>/gu, "\n").replaceAll("\ufffd", " ");
  const parts = readable.split(/([.!?。\n]+|[^\p{L}\p{M}\p{N}\s'’-]+)/u);
  const segments: Segment[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const words = parts[index]?.match(WORD) ?? [];
    segments.push({ words, endsSentence: /[.!?。\n]/u.test(parts[index + 1] ?? "") });
  }
  return segments;
}

/** Forms of a word as one: small letters, without the English plural or possessive, or what Korean attaches to a word. */
export function keyOf(word: string): string {
  const small = withoutEnding(word.toLowerCase().replace(/['’]s$/u, ""));
  if (!/^[a-z]{4,}$/u.test(small)) return small;
  if (small.endsWith("ies")) return `${small.slice(0, -3)}y`;
  return /[^suie]s$|[^s]es$/u.test(small) ? small.slice(0, -1) : small;
}

/** A Korean word without its particle or copula; one syllable is never all that is left. */
function withoutEnding(word: string): string {
  return word.replace(KOREAN_ENDING, "");
}

const KOREAN_ENDING =
  /(?<=\p{Script=Hangul}{2})(?:이라고|이라는|이었다|입니다|이라|이다|이며|이고|에서|에는|으로|에|의|은|는|이|가|을|를|와|과|도|로)$/u;

/** Whether a word says nothing by itself. */
export function isFiller(word: string): boolean {
  const small = word.toLowerCase();
  return FILLERS.has(small) || /^[a-z]$/u.test(small);
}

const FILLERS: ReadonlySet<string> = new Set(
  (
    "a an and are as at be been being but by can could did do does for from had has have he her here his how i if in " +
    "into is it its may might more most much my no nor not of on one or other our out over own she should so some such " +
    "than that the their them then there these they this those to too under until up us very was we were what when " +
    "where which while who whom whose why will with would you your also called known named usually often about after " +
    "all any because before between both during each few many only same through again once just now even well like " +
    "answer question example following first second new famous popular large largest great important major main " +
    "used using use made make makes named name names several various every another " +
    "그 이 저 것 수 등 및 또는 그리고 하지만 있는 있다 있습니다 있으며 없는 없다 입니다 이다 하는 한다 합니다 했다 된다 됩니다 되는 " +
    "위해 위한 대한 대해 가장 매우 더 또한 그의 그는 우리 우리는 나는 내가 무엇 무엇입니까 어디 어디입니까 어떤 질문 답 정답은 답은"
  ).split(" "),
);
