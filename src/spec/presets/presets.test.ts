import { describe, expect, test } from "vitest";
import { PatchscopesError } from "../../errors.ts";
import { PRESET_NAMES, PRESETS, presetName, presetSpec } from "./presets.ts";
import type { PatchscopeSpec } from "../spec.ts";

const request = { prompt: "I spent the summer in Japan", model: "m" };

/** The message and hint of the error that a function throws. */
function errorOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PatchscopesError) return `${error.message} [${error.hint ?? ""}]`;
    throw error;
  }
  return "no error";
}

const ask = (text: string): PatchscopeSpec["target"]["position"] =>
  presetSpec("attribute", { ...request, ask: text }).target.position;

test.each(PRESET_NAMES)("The example of %s is a spec", (name) => {
  const preset = PRESETS[name];
  expect(preset.name).toBe(name);
  expect(presetSpec(name, preset.example).source.model).toBe(preset.example.model);
});

test("Entity description uses the paper's prompt, every layer into itself", () => {
  const spec = presetSpec("entity", { prompt: "Diana, Princess of Wales", model: "m" });
  expect(spec).toMatchObject({
    source: { position: -1, layer: "all" },
    target: {
      prompt:
        "Syria: Country in the Middle East, Leonardo DiCaprio: American actor, Samsung: South Korean multinational major appliance and consumer electronics corporation, x",
      position: -1,
      layer: "same",
    },
    read: { kind: "generate", maxTokens: 20 },
  });
});

test("Across models entity description is read by the other one, through a map that it needs", () => {
  const { target, ...entity } = presetSpec("entity", { ...request, layer: 3, maxTokens: 5 });
  const across = { ...request, layer: 3, maxTokens: 5, explainer: "r" };
  expect(presetSpec("cross-model-entity", { ...across, map: "map.safetensors" })).toEqual({
    ...entity,
    target: { ...target, model: "r" },
    mapping: { kind: "file", file: "map.safetensors" },
  });
  const error = errorOf(() => presetSpec("cross-model-entity", request));
  expect(error).toContain("explainer: missing: the preset cross-model-entity needs it");
  expect(error).toContain("map: missing: the preset cross-model-entity needs it");
  expect(errorOf(() => presetSpec("cross-model-entity", across))).toMatch(
    /^map: missing: .* \[Give the file .* across models with --to-model\.\]$/,
  );
});

test("Token identity reads the next token behind the paper's prompt", () => {
  const spec = presetSpec("identity", { ...request, layer: [3, 4], targetLayer: 0, topK: 3 });
  expect(spec).toMatchObject({
    source: { layer: [3, 4] },
    target: { prompt: "cat -> cat\n1135 -> 1135\nhello -> hello\n?", position: -1, layer: 0 },
    read: { kind: "next-token", topK: 3, position: -1 },
  });
});

test("The logit lens patches the last layer of the source itself and needs no controls", () => {
  expect(presetSpec("logit-lens", { tokens: [1, 2], model: "m", position: "all" })).toMatchObject({
    source: { tokens: [1, 2], position: "all", layer: "all" },
    target: { prompt: "same", position: "same", layer: -1 },
    read: { kind: "next-token", position: "same" },
    controls: [],
  });
});

test("The tuned lens is the logit lens through a fitted mapping, which it cannot do without", () => {
  const lens = { ...request, position: 2, layer: [0, 5], topK: 3 };
  expect(presetSpec("tuned-lens", { ...lens, map: "map.safetensors" })).toEqual({
    ...presetSpec("logit-lens", lens),
    mapping: { kind: "file", file: "map.safetensors" },
  });
  expect(errorOf(() => presetSpec("tuned-lens", lens))).toMatch(
    /^map: missing: the preset tuned-lens needs it \[Give the file of a fitted mapping/,
  );
});

test("The linear shortcut is the tuned lens to any layer", () => {
  const lens = { ...request, position: 2, layer: [0, 5], topK: 3, map: "map.safetensors" };
  expect(presetSpec("linear-shortcut", lens)).toEqual(presetSpec("tuned-lens", lens));
  const { target, mapping } = presetSpec("linear-shortcut", { ...lens, targetLayer: 9 });
  expect(target).toMatchObject({ prompt: "same", position: "same", layer: 9 });
  expect(mapping).toEqual({ kind: "file", file: "map.safetensors" });
});

test("A relation leads from the subject to the last token, at the last layer", () => {
  const relation = { ...request, layer: 5, position: 3, map: "map.safetensors" };
  expect(presetSpec("lre", relation)).toMatchObject({
    source: { position: 3, layer: 5 },
    target: { position: -1, layer: -1 },
    mapping: { kind: "file", file: "map.safetensors" },
    read: { kind: "next-token", position: -1 },
    controls: [],
  });
});

describe("The placeholder of an attribute's question", () => {
  test.each([
    ["The capital city of x", "first"],
    ["The government of x is in the city of", "first"],
    ["x", "first"],
    ["The largest city in Mexico is not in x", 2],
    ["Six taxes on x's exports", 3],
    ["x의 수도는", "first"],
    ["Unlike an x-ray, x is", 2],
    ["An x86 machine from x", 2],
  ])("In %j it is the word, not a letter of another word", (text, occurrence) => {
    expect(ask(text)).toEqual({ find: "x", occurrence, token: "last" });
  });

  test.each([
    ["The capital city of France", "none"],
    ["Mexico", "none"],
    ["The capital of X", "none"],
    ["x is larger than x", "2 of them"],
  ])("%j is refused, with a hint", (text, count) => {
    const message = errorOf(() => ask(text));
    expect(message).toContain(`ask: expected one x that stands as a word of its own, got ${count}`);
    expect(message).toContain("lower-case x");
  });
});

test("An option that a preset needs or has no use for is an issue", () => {
  expect(errorOf(() => presetSpec("attribute", request))).toMatch(
    /^ask: missing: the preset attribute needs it \[Write a text/,
  );
  expect(
    errorOf(() => presetSpec("logit-lens", { ...request, targetLayer: 1, maxTokens: 3 })),
  ).toBe(
    "targetLayer: the preset logit-lens has no use for it; it takes position, layer, topK\n" +
      "maxTokens: the preset logit-lens has no use for it; it takes position, layer, topK " +
      "[Leave it out, or write a spec file.]",
  );
});

test("Limits and prompts are those of every spec", () => {
  expect(errorOf(() => presetSpec("entity", { ...request, maxTokens: 0 }))).toContain(
    "read.maxTokens: expected at least 1, got 0",
  );
  const both = { ...request, tokens: [1] };
  expect(errorOf(() => presetSpec("entity", both))).toContain("got prompt and tokens");
});

test("A preset that there is not gets the nearest name", () => {
  expect(presetName("logit-lens")).toBe("logit-lens");
  const error = errorOf(() => presetName("logitlens"));
  expect(error).toContain('there is no preset "logitlens"; there are entity, identity, attribute');
  expect(error).toContain('[Did you mean "logit-lens"?]');
});
