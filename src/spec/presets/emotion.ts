/** What a text feels, read from a slice of its hidden states behind a few examples: which feeling, how strong, towards whom. */
import { generating, type Aspect, type Language, type Preset } from "./preset.ts";

interface Form {
  readonly text: string;
  readonly label: string;
  readonly examples: readonly (readonly [text: string, answer: string])[];
}

const FORMS: Readonly<Record<Language, Readonly<Record<Aspect, Form>>>> = {
  en: {
    feeling: {
      text: "Text",
      label: "Feeling",
      examples: [
        ["I won the lottery", "joy"],
        ["My father is dead", "sadness"],
        ["You broke it on purpose", "anger"],
        ["There is a spider on me", "fear"],
      ],
    },
    strength: {
      text: "Text",
      label: "Strength of the feeling",
      examples: [
        ["I won the lottery", "strong"],
        ["The soup was all right", "weak"],
        ["I will never forgive you", "strong"],
        ["It rained a little", "weak"],
      ],
    },
    towards: {
      text: "Text",
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
      text: "글",
      label: "감정",
      examples: [
        ["복권에 당첨됐다", "기쁨"],
        ["아버지가 돌아가셨다", "슬픔"],
        ["그가 일부러 망가뜨렸다", "분노"],
        ["거미가 몸 위에 있다", "공포"],
      ],
    },
    strength: {
      text: "글",
      label: "감정의 세기",
      examples: [
        ["복권에 당첨됐다", "강함"],
        ["국은 그저 그랬다", "약함"],
        ["너를 절대 용서하지 않겠다", "강함"],
        ["비가 조금 왔다", "약함"],
      ],
    },
    towards: {
      text: "글",
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

/** Emotion. */
export const emotion: Preset = {
  name: "emotion",
  summary:
    "Asks the states of a sentence which feeling it has, how strong (--aspect strength) or towards whom, in English or Korean.",
  citation: "This project; docs/emotion.md says how well it works",
  needs: [],
  takes: ["aspect", "language", "layer", "targetLayer", "maxTokens", "topK", "controls"],
  example: { prompt: "My neighbour insulted my mother again", model: "smollm2-135m-instruct" },
  // One state says little of it; the first token is an attention sink, whose state drowns the others.
  fields: (request) => ({
    source: { position: { together: { from: 1, to: -1 } } },
    target: {
      prompt: promptOf(FORMS[request.language ?? "en"][request.aspect ?? "feeling"]),
      position: { marker: "[X]", as: "_" },
      layer: request.targetLayer,
    },
    read: generating({ ...request, maxTokens: request.maxTokens ?? 4 }),
  }),
};

function promptOf({ text, label, examples }: Form): string {
  const shots = examples.map(([said, answer]) => `${text}: ${said}\n${label}: ${answer}\n\n`);
  return `${shots.join("")}${text}: [X]\n${label}:`;
}
