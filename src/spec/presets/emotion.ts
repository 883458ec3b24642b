/**
 * What a text feels, read from a slice of its hidden states behind a few examples: which feeling and what it is about, how
 * strong, towards whom. The prompts for feelings and their strength were chosen on the development sentences of
 * `src/reproduce/subjects/feelings.ts`.
 */
import { specInvalid } from "../../errors.ts";
import { unusedField } from "../errors.ts";
import {
  generating,
  type Aspect,
  type Language,
  type Preset,
  type PresetRequest,
} from "./preset.ts";

/** What stands before each text. */
const TEXT: Readonly<Record<Language, string>> = { en: "Text", ko: "글" };

interface Form {
  readonly label: string;
  readonly examples: readonly (readonly [text: string, answer: string])[];
}

/** Texts that say a feeling strongly, and texts that say one weakly, in turn. */
interface StrengthForm extends Omit<Form, "examples"> {
  readonly strong: string;
  readonly weak: string;
  readonly pairs: readonly (readonly [strong: string, weak: string])[];
}

const FORMS: Readonly<Record<Language, Readonly<Record<Exclude<Aspect, "strength">, Form>>>> = {
  en: {
    feeling: {
      label: "Feeling",
      examples: [
        ["The storm comes nearer and nearer", "panic about the storm"],
        ["My sister read my diary", "fury at my sister"],
        ["The old queen is buried today", "sorrow for the queen"],
        ["You helped me so much", "gratitude to you"],
        ["The bridge may fall any moment", "dread of the bridge"],
        ["The thief laughed at us", "hatred of the thief"],
        ["Nobody calls the old widow any more", "pity for the widow"],
        ["My son is the best of his class", "pride in my son"],
        ["There is a spider on me", "fear of the spider"],
        ["You broke the vase on purpose", "anger at you"],
        ["My father is dead", "grief for my father"],
        ["I won the lottery", "joy at the lottery"],
      ],
    },
    towards: {
      label: "Feeling towards",
      examples: [
        ["I love my daughter", "my daughter"],
        ["The boys hate their teacher", "their teacher"],
        ["She misses her brother", "her brother"],
        ["We are afraid of the dog", "the dog"],
      ],
    },
  },
  ko: {
    feeling: {
      label: "감정",
      examples: [
        ["호수가 햇빛에 고요하다", "평온 (호수)"],
        ["나를 도와줘서 고맙다", "감사 (너)"],
        ["아무도 전화하지 않는다", "외로움 (전화)"],
        ["당신만을 영원히 아끼겠다", "사랑 (당신)"],
        ["내일은 더 나아질 것이다", "희망 (내일)"],
        ["다행히 다친 사람이 없다", "안도 (사람)"],
        ["하루 종일 할 일이 없다", "지루함 (하루)"],
        ["친구가 더 큰 집을 샀다", "부러움 (친구)"],
        ["거짓말한 것이 들통났다", "수치 (거짓말)"],
        ["아들이 반에서 일등을 했다", "자랑 (아들)"],
        ["우유가 상해서 냄새가 난다", "혐오 (우유)"],
        ["벌써 와 있을 줄은 몰랐다", "놀람 (손님)"],
        ["거미가 몸 위에 있다", "공포 (거미)"],
        ["그가 일부러 망가뜨렸다", "분노 (그)"],
        ["아버지가 돌아가셨다", "슬픔 (아버지)"],
        ["복권에 당첨됐다", "기쁨 (복권)"],
      ],
    },
    towards: {
      label: "감정의 대상",
      examples: [
        ["나는 딸을 사랑한다", "딸"],
        ["아이들은 선생님을 미워한다", "선생님"],
        ["그녀는 오빠를 그리워한다", "오빠"],
        ["우리는 그 개가 무섭다", "개"],
      ],
    },
  },
};

const STRENGTH: Readonly<Record<Language, StrengthForm>> = {
  en: {
    label: "Emotion",
    strong: "intense",
    weak: "mild",
    pairs: [
      ["He adores her madly", "The walk was fairly nice"],
      ["She fainted when she saw the ghost", "I am a bit bored"],
      ["They wept bitterly at the grave", "The chair is somewhat hard"],
      ["He was furious and smashed the door", "The soup was all right"],
      ["I will never forgive you", "It rained a little"],
      ["I was mad with joy when I won", "I do not care much for tea"],
    ],
  },
  ko: {
    label: "감정의 세기",
    strong: "매우",
    weak: "조금",
    pairs: [
      ["그는 그녀를 미치도록 사랑한다", "산책은 꽤 좋았다"],
      ["귀신을 보고 기절했다", "조금 심심하다"],
      ["무덤 앞에서 통곡했다", "의자가 약간 딱딱하다"],
      ["화가 나서 문을 부쉈다", "국은 그저 그랬다"],
      ["너를 절대 용서하지 않겠다", "비가 조금 왔다"],
      ["당첨되어 펄쩍 뛰었다", "차는 별로 좋아하지 않는다"],
    ],
  },
};

/** Emotion. */
export const emotion: Preset = {
  name: "emotion",
  summary:
    "Asks the states of a sentence which feeling it has and about what, how strong (--aspect strength) or towards whom, in English or Korean.",
  citation: "This project; docs/emotion.md says how well it works",
  needs: [],
  takes: ["aspect", "language", "layer", "targetLayer", "maxTokens", "topK", "controls"],
  example: { prompt: "My neighbour insulted my mother again", model: "smollm2-135m-instruct" },
  // One state says little of it; the first token is an attention sink, whose state drowns the others.
  fields: (request) => {
    const { aspect = "feeling", language = "en" } = request;
    const { form, ...read } =
      aspect === "strength"
        ? weighed(STRENGTH[language], request)
        : inWords(FORMS[language][aspect], request);
    return {
      source: { position: { together: { from: 1, to: -1 } } },
      target: {
        prompt: promptOf(form, TEXT[language]),
        position: { marker: "[X]", as: "_" },
        layer: request.targetLayer,
      },
      ...read,
    };
  },
};

/** The answer is one line. */
function inWords(form: Form, request: PresetRequest): { form: Form; read: object } {
  const { maxTokens = 8 } = request;
  return { form, read: generating({ ...request, maxTokens, stop: ["\n"] }) };
}

/** Small models nearly always say the same word, but how much likelier it is than the other one tells strong from weak. */
function weighed(
  { label, strong, weak, pairs }: StrengthForm,
  { topK, maxTokens }: PresetRequest,
): { form: Form; read: object; metrics: readonly object[] } {
  if (maxTokens !== undefined) {
    const takes = emotion.takes.filter((option) => option !== "maxTokens");
    throw specInvalid([
      unusedField({ name: "emotion with the aspect strength", takes }, "maxTokens"),
    ]);
  }
  const examples = pairs.flatMap(([strongly, weakly]): Form["examples"] => [
    [strongly, strong],
    [weakly, weak],
  ]);
  return {
    form: { label, examples },
    read: { kind: "next-token", topK },
    metrics: [
      { kind: "logit-difference", of: { text: ` ${strong}` }, against: { text: ` ${weak}` } },
    ],
  };
}

function promptOf({ label, examples }: Form, text: string): string {
  const shots = examples.map(([said, answer]) => `${text}: ${said}\n${label}: ${answer}\n\n`);
  return `${shots.join("")}${text}: [X]\n${label}:`;
}
