/**
 * One answer out of many read-outs of the same state: what they agree on, and other sources of the same kind do not say.
 *
 *   score(a) = s(a) · ln( (s(a) + ε) / (c(a) + ε) )
 *
 * s is the share of the source's read-outs that say a, c that of the contrast set's. A read-out says a phrase with the
 * phrase's weight in it, mixed with the probability of the phrase as its first token; read-outs count by their wording.
 */
import { isFiller, keyOf, phrasesOf, type Phrase } from "./answer-words.ts";
import { EVIDENCE_THRESHOLD } from "./evidence.ts";

/** What one state says in one wording at one pair of layers. */
export interface ConsensusReadOut {
  readonly text: string;
  /** The likeliest first tokens, as text with their log-probability. */
  readonly next: readonly { readonly piece: string; readonly logprob: number }[];
  /** How much its wording counts. */
  readonly weight: number;
}

/** What one source says. */
export interface ConsensusSource {
  readonly readOuts: readonly ConsensusReadOut[];
  /**
   * What the source is called: words like it are the same in all sources, and no answer by themselves ("Japan", and the
   * "Japanese" of "Japanese yen"). Absent where they may be the answer.
   */
  readonly name?: string | undefined;
}

export interface ConsensusRequest {
  readonly source: ConsensusSource;
  /** Other sources of the same kind. */
  readonly contrast: readonly ConsensusSource[];
}

/** A possible answer, best first. */
export interface RankedAnswer {
  readonly answer: string;
  /** Larger where more read-outs say it and other sources do not; 0 where both do as often. */
  readonly score: number;
  /** Shares of the read-outs that say it: of the source, and of the contrast set. */
  readonly share: number;
  readonly contrastShare: number;
  /** Which of the source's read-outs have the phrase. */
  readonly saidBy: readonly number[];
}

/** Settings of the rule, chosen on development subjects. */
interface ConsensusSettings {
  readonly smoothing: number;
  /** How much the first token's probability counts beside the text. */
  readonly firstToken: number;
  /** A phrase is preferred to its part when it has this share of the part's score. */
  readonly phrase: number;
}

/** From this score on an answer stands out: of those on development subjects 85% were right. */
export const CONSENSUS_THRESHOLD = 0.25;

/** What the prompts say anyway is no answer, however much it is agreed on. */
export function standsOut(answer: {
  readonly score: number;
  /** In nats, by {@link evidenceBehind}; absent where there is none. */
  readonly evidence?: number | undefined;
}): boolean {
  const { score, evidence = Infinity } = answer;
  return score >= CONSENSUS_THRESHOLD && evidence >= EVIDENCE_THRESHOLD;
}

/** The median evidence of the read-outs that say an answer. */
export function evidenceBehind(
  { saidBy }: Pick<RankedAnswer, "saidBy">,
  readOuts: readonly { readonly evidence?: number | undefined }[],
): number | undefined {
  const nats = saidBy.flatMap((index) => readOuts[index]?.evidence ?? []);
  const sorted = nats.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted[middle - 1];
  if (upper === undefined) return undefined;
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

const CONSENSUS_SETTINGS: ConsensusSettings = {
  smoothing: 0.1,
  firstToken: 0.65,
  phrase: 0.5,
};

/** What the read-outs of a source say together, best first. */
export function consensusOf(
  request: ConsensusRequest,
  settings: ConsensusSettings = CONSENSUS_SETTINGS,
): RankedAnswer[] {
  const said = saidBySource(request.source);
  const others = request.contrast.map(saidBySource);
  const candidates = new Map<string, string>();
  for (const { phrases } of said)
    for (const { key, text } of phrases)
      if (!candidates.has(key) && key !== OWN_NAME) candidates.set(key, text);
  const ranked = [...candidates].map(([key, text]) => {
    const share = shareOf(key, said, settings);
    const contrastShare = meanOf(others.map((of) => shareOf(key, of, settings)));
    const { smoothing } = settings;
    const score = share * Math.log((share + smoothing) / (contrastShare + smoothing));
    const saidBy = said.flatMap(({ phrases }, index) =>
      phrases.some((phrase) => phrase.key === key) ? [index] : [],
    );
    return { key, answer: text, score, share, contrastShare, saidBy };
  });
  return preferPhrases(
    ranked.sort((a, b) => b.score - a.score),
    settings.phrase,
  );
}

interface Said {
  readonly readOut: ConsensusReadOut;
  readonly phrases: readonly Phrase[];
}

/** Stands for the words that are like a source's name, in the keys of phrases. */
const OWN_NAME = "~";

function saidBySource({ readOuts, name }: ConsensusSource): Said[] {
  const isName = name === undefined ? () => false : isLikeName(name);
  return readOuts.map((readOut) => ({
    readOut,
    phrases: phrasesOf(readOut.text).map((phrase) => {
      const words = phrase.key.split(" ").map((word) => (isName(word) ? OWN_NAME : word));
      return {
        ...phrase,
        key: words.every((word) => word === OWN_NAME) ? OWN_NAME : words.join(" "),
      };
    }),
  }));
}

function shareOf(key: string, said: readonly Said[], { firstToken }: ConsensusSettings): number {
  let sum = 0;
  let total = 0;
  for (const { readOut, phrases } of said) {
    const inText = phrases.find((phrase) => phrase.key === key)?.weight ?? 0;
    sum += readOut.weight * ((1 - firstToken) * inText + firstToken * asFirst(key, readOut));
    total += readOut.weight;
  }
  return total === 0 ? 0 : sum / total;
}

/** The probability that the read-out begins with the phrase, by its first token: one that begins the phrase. */
function asFirst(key: string, { next }: ConsensusReadOut): number {
  let sum = 0;
  for (const { piece, logprob } of next) {
    const word = keyOf(piece.trim());
    if (word === key || (word.length > 2 && key.startsWith(word))) {
      if (!isFiller(word)) sum += Math.exp(logprob);
    }
  }
  return sum;
}

/** Tells words that begin like one of a name's: "Japanese" is like "Japan", and "Polish" like "Poland". */
function isLikeName(name: string): (word: string) => boolean {
  const stems = name.split(/[\s-]+/u).map((word) => {
    const key = keyOf(word);
    return key.slice(0, /\p{Script=Hangul}/u.test(key) ? HANGUL_STEM : LATIN_STEM);
  });
  return (word) => stems.some((stem) => word.startsWith(stem));
}

const LATIN_STEM = 3;
const HANGUL_STEM = 2;

/** Puts the longest phrase that nearly scores as its part in the part's place. */
function preferPhrases(
  ranked: readonly (RankedAnswer & { readonly key: string })[],
  share: number,
): RankedAnswer[] {
  const kept: (RankedAnswer & { readonly key: string })[] = [];
  const isPartOf = (part: string, whole: string): boolean => ` ${whole} `.includes(` ${part} `);
  for (const entry of ranked) {
    if (kept.some(({ key }) => isPartOf(entry.key, key) || isPartOf(key, entry.key))) continue;
    const longer = ranked.filter(
      ({ key, score }) =>
        key !== entry.key && isPartOf(entry.key, key) && score >= share * entry.score,
    );
    const best = longer.sort((a, b) => b.key.length - a.key.length)[0] ?? entry;
    kept.push(best);
  }
  return kept.map(({ key: _, ...answer }) => answer);
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
