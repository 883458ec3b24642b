/** The preset for feelings on the real models: which feeling and about what, and strong ones apart from weak ones. */
import { expect, test } from "vitest";
import { names } from "../../src/reproduce/is-right.ts";
import {
  ENGLISH_FEELINGS,
  ENGLISH_STRENGTHS,
  KOREAN_FEELINGS,
  KOREAN_STRENGTHS,
  type Strengths,
} from "../../src/reproduce/subjects/feelings.ts";
import type { LoadedModel } from "../../src/node.ts";
import type { PatchscopeResult } from "../../src/result/result.ts";
import { runMany } from "../../src/run/run-many.ts";
import type { PresetOptions } from "../../src/spec/presets/preset.ts";
import { presetSpec } from "../../src/spec/presets/presets.ts";
import { describeCachedModel, describeRealModel, useLoadedModel } from "../support/real-model.ts";

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
    expect(await inOrder(loaded(), ENGLISH_STRENGTHS.test, { layer: 6 })).toBeGreaterThan(0.85);
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
    const options = { layer: 3, language: "ko" } as const;
    expect(await inOrder(loaded(), KOREAN_STRENGTHS.test, options)).toBeGreaterThan(0.85);
  });
});

async function read(
  loaded: LoadedModel,
  prompts: readonly string[],
  options: PresetOptions,
): Promise<readonly PatchscopeResult[]> {
  const specs = prompts.map((prompt) =>
    presetSpec("emotion", { prompt, model: loaded.model.name, ...options }),
  );
  const results: PatchscopeResult[] = [];
  for await (const result of runMany(specs, loaded)) results.push(result);
  return results;
}

/** Of every other sentence: the share of pairs in which the strong one weighs more, the area under the ROC curve. */
async function inOrder(
  loaded: LoadedModel,
  { strong, weak }: Strengths,
  options: PresetOptions,
): Promise<number> {
  const weigh = async (prompts: readonly string[]): Promise<readonly number[]> => {
    const some = prompts.filter((_, index) => index % 2 === 0);
    const results = await read(loaded, some, { ...options, aspect: "strength" });
    return results.map(({ cells }) => Object.values(cells[0]?.metrics ?? {})[0] ?? NaN);
  };
  const [these, those] = [await weigh(strong), await weigh(weak)];
  const above = these.flatMap((one) => those.filter((other) => one > other));
  return above.length / (these.length * those.length);
}
