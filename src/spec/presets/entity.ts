/** Entity description, with the target prompt of the paper's code, byte for byte. */
import { generating, IN_WORDS, type Preset, type PresetOptions } from "./preset.ts";

const ENTITY_PROMPT =
  "Syria: Country in the Middle East, Leonardo DiCaprio: American actor, Samsung: South Korean multinational major appliance and consumer electronics corporation, x";
/** The same in Korean, which is not the paper's. */
const KOREAN_PROMPT =
  "시리아: 중동에 있는 나라, 레오나르도 디카프리오: 미국의 배우, 삼성: 전자 제품을 만드는 한국의 대기업, x";

/** Three entities with their descriptions, and a placeholder. */
export function entityPrompt({ language }: PresetOptions): string {
  return language === "ko" ? KOREAN_PROMPT : ENTITY_PROMPT;
}

/** Entity description. */
export const entity: Preset = {
  name: "entity",
  summary:
    "Describes in words what a hidden state stands for, for instance the entity that a name means.",
  citation: "Entity description, section 4.3 of arXiv 2401.06102",
  needs: [],
  takes: ["language", ...IN_WORDS],
  example: { prompt: "Diana, Princess of Wales", model: "smollm2-135m-instruct" },
  fields: (request) => ({
    target: {
      prompt: entityPrompt(request),
      position: -1,
      layer: request.targetLayer,
    },
    read: generating(request),
  }),
};
