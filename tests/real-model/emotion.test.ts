/** The preset for feelings on the real models: which feeling and about what, and strong ones apart from weak ones. */
import { expect, test } from "vitest";
import { names } from "../../src/reproduce/is-right.ts";
import { ENGLISH_FEELINGS, KOREAN_FEELINGS } from "../../src/reproduce/subjects/feelings.ts";
import type { LoadedModel } from "../../src/node.ts";
import type { PatchscopeResult } from "../../src/result/result.ts";
import { runMany } from "../../src/run/run-many.ts";
import type { PresetOptions } from "../../src/spec/presets/preset.ts";
import { presetSpec } from "../../src/spec/presets/presets.ts";
import {
  describeCachedModel,
  describeRealModel,
  REAL_MODEL,
  useLoadedModel,
} from "../support/real-model.ts";

/** Nothing was chosen by these. */
const STRONG = [
  "He roared with laughter until tears ran down",
  "I could kill him for what he did",
  "The mother wailed over her dead child",
  "They fled from the fire in blind panic",
  "She worships the ground he walks on",
  "The fans went crazy when the goal fell",
];
const WEAK = [
  "The lecture was all right, I suppose",
  "She would have liked a bit more sugar",
  "The hotel room was decent",
  "I was not quite happy with the haircut",
  "He found the joke moderately funny",
  "The dog barked now and then",
];
const KOREAN_STRONG = [
  "배꼽이 빠지도록 웃었다",
  "그를 죽이고 싶을 만큼 밉다",
  "죽은 아이를 안고 울부짖었다",
  "불길을 피해 정신없이 달아났다",
  "그녀 없이는 단 하루도 살 수 없다",
  "골이 들어가자 관중이 열광했다",
];
const KOREAN_WEAK = [
  "강의는 그냥 들을 만했다",
  "설탕이 조금 더 있으면 좋겠다",
  "호텔 방은 무난했다",
  "머리 모양이 썩 마음에 들지는 않는다",
  "농담이 약간 우스웠다",
  "개가 가끔 짖었다",
];

await describeRealModel("feelings by SmolLM2", () => {
  const loaded = useLoadedModel();

  test("are named in most of the test sentences, and what they are about", async () => {
    const subjects = ENGLISH_FEELINGS.test.filter((_, index) => index % 4 === 0);
    const results = await read(
      loaded(),
      subjects.map(({ name }) => name),
      { layer: 6, controls: [] },
    );
    const said = (field: string): number =>
      results.filter(({ cells }, index) =>
        names(cells[0]?.text ?? "", subjects[index]?.answers[field] ?? []),
      ).length;
    expect(subjects).toHaveLength(8);
    expect(said("feeling")).toBeGreaterThanOrEqual(6);
    expect(said("towards")).toBeGreaterThanOrEqual(5);
  });

  test("are weighed: strong ones above weak ones", async () => {
    const weights = await weigh(loaded(), [...STRONG, ...WEAK], { layer: 6 });
    expect(
      aboveShare(weights.slice(0, STRONG.length), weights.slice(STRONG.length)),
    ).toBeGreaterThan(0.85);
  });
});

await describeCachedModel("gemma-3-270m", "feelings by Gemma 3 in Korean", (loaded) => {
  test("are named in most of the test sentences", async () => {
    const subjects = KOREAN_FEELINGS.test.filter((_, index) => index % 4 === 0);
    const results = await read(
      loaded(),
      subjects.map(({ name }) => name),
      { layer: 2, language: "ko", controls: [] },
    );
    const right = results.filter(({ cells }, index) =>
      names(cells[0]?.text ?? "", subjects[index]?.answers["feeling"] ?? []),
    );
    expect(right.length).toBeGreaterThanOrEqual(4);
  });

  test("are weighed: strong ones above weak ones", async () => {
    const texts = [...KOREAN_STRONG, ...KOREAN_WEAK];
    const weights = await weigh(loaded(), texts, { layer: 3, language: "ko" });
    const strong = weights.slice(0, KOREAN_STRONG.length);
    expect(aboveShare(strong, weights.slice(KOREAN_STRONG.length))).toBeGreaterThan(0.85);
  });
});

async function read(
  loaded: LoadedModel,
  prompts: readonly string[],
  options: PresetOptions,
): Promise<readonly PatchscopeResult[]> {
  const specs = prompts.map((prompt) =>
    presetSpec("emotion", { prompt, model: REAL_MODEL, ...options }),
  );
  const results: PatchscopeResult[] = [];
  for await (const result of runMany(specs, loaded)) results.push(result);
  return results;
}

async function weigh(
  loaded: LoadedModel,
  prompts: readonly string[],
  options: PresetOptions,
): Promise<readonly number[]> {
  const results = await read(loaded, prompts, { ...options, aspect: "strength" });
  return results.map(({ cells }) => Object.values(cells[0]?.metrics ?? {})[0] ?? NaN);
}

/** The share of pairs in which the first is larger: the area under the ROC curve. */
function aboveShare(these: readonly number[], those: readonly number[]): number {
  const above = these.flatMap((one) => those.filter((other) => one > other));
  return above.length / (these.length * those.length);
}
