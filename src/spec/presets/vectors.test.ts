/** Presets of slices, repeated vectors and scales. */
import { describe, expect, test } from "vitest";
import { messageOf } from "../../../tests/support/issues.ts";
import type { Aspect, Language, PresetRequest } from "./preset.ts";
import { presetSpec } from "./presets.ts";

const request = { prompt: "I spent the summer in Japan", model: "m" };

test("SelfIE repeats the vector in the user's message and begins the answer", () => {
  const { source, target } = presetSpec("selfie", { ...request, targetLayer: 3 });
  expect(source).toMatchObject({ position: -1, layer: "all" });
  expect(target).toMatchObject({
    messages: [
      { role: "user", content: "[X]" },
      { role: "assistant", content: "Sure, I will summarize the message:" },
    ],
    position: { marker: "[X]", as: "_", times: 5 },
    layer: 3,
  });
});

test("Questions about a slice come behind it; without one the text is to be repeated", () => {
  const asked = presetSpec("latent-qa", { ...request, ask: "What is it about?" });
  expect(asked.source.position).toEqual({ together: { from: 1, to: -1 } });
  expect(asked.target).toMatchObject({
    messages: [{ role: "user", content: "Here is a text: [X]. What is it about?" }],
    layer: 0,
  });
  const repeated = presetSpec("latent-qa", request).target;
  expect("messages" in repeated ? repeated.messages.at(-1)?.role : "").toBe("assistant");
});

test("A vector that explains itself is tried at several lengths, and may be a file", () => {
  const spec = presetSpec("self-explaining", { file: "v", tensor: "t", model: "m", factors: [3] });
  expect(spec.source).toMatchObject({ file: "v", tensor: "t" });
  expect(spec.mapping).toEqual([
    { kind: "normalise", norm: 1 },
    { kind: "scale", factor: [3] },
  ]);
  expect(presetSpec("self-explaining", request).mapping).toMatchObject([
    {},
    { factor: [0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4] },
  ]);
  expect(spec.target.mode).toBe("norm-scaled");
});

test("The future lens has the paper's prompt, with the space at its end", () => {
  expect(presetSpec("future-lens", request)).toMatchObject({
    target: { prompt: "Hello! Could you please tell me more about ", position: -1, layer: "same" },
    read: { maxTokens: 4 },
  });
});

test("The future lens takes a trained prompt, as many placeholders as it has vectors", () => {
  const softPrompt = { file: "soft.safetensors", tensor: "t", count: 3 };
  const spec = presetSpec("future-lens", { ...request, softPrompt, targetLayer: 2 });
  expect(spec).toMatchObject({
    target: { tokens: [0, 0, 0], position: -1, layer: 2 },
    interventions: [
      { kind: "soft-prompt", file: "soft.safetensors", tensor: "t", positions: "all" },
    ],
    read: { maxTokens: 4 },
  });
  expect(messageOf(() => presetSpec("entity", { ...request, softPrompt }))).toContain(
    "softPrompt: the preset entity has no use for it",
  );
});

describe("A question of two hops", () => {
  const ask = "The current CEO of";
  const prompt = `${ask} the company that created Visual Basic Script`;
  const asked = { prompt, model: "m", ask };
  const grid = { from: 0, to: -1, step: 3 };

  test("is kept apart, the first hop as source and the second as target, with the whole beside them", () => {
    expect(presetSpec("multi-hop-repair", { ...asked, layer: 4 })).toMatchObject({
      source: { prompt: "the company that created Visual Basic Script", position: -1, layer: 4 },
      target: { prompt: ask, position: -1, layer: grid },
      controls: [
        { kind: "unpatched" },
        { kind: "unrelated" },
        { kind: "text-only", prompt: prompt },
      ],
    });
  });

  test("stands beside controls that were asked for", () => {
    const controls = [{ kind: "text-only" as const }, { kind: "mean" as const }];
    const spec = presetSpec("multi-hop-repair", { ...asked, controls });
    expect(spec.controls).toEqual([{ kind: "text-only", prompt }, { kind: "mean" }]);
  });

  test.each([
    ["that is no part of it", "The father of", prompt],
    ["that is not its beginning", "Visual Basic Script", prompt],
    ["that is all of it", prompt, prompt],
    ["that is all of it but spaces", prompt, `${prompt} `],
  ])("is refused with a second hop %s", (_, wrong, question) => {
    const message = messageOf(() =>
      presetSpec("multi-hop-repair", { ...asked, prompt: question, ask: wrong }),
    );
    expect(message).toContain("ask: expected the beginning of the question");
  });

  test("needs its second hop, and a text to take apart", () => {
    const refusal = (of: PresetRequest): unknown => {
      try {
        return presetSpec("multi-hop-repair", of);
      } catch (error) {
        return error;
      }
    };
    expect(refusal(request)).toMatchObject({
      message: expect.stringContaining("ask: missing") as string,
      hint: expect.stringContaining("The current CEO of") as string,
    });
    expect(refusal({ file: "v.safetensors", model: "m", ask })).toMatchObject({
      message: expect.stringContaining("takes a text apart") as string,
    });
  });
});

describe("Emotions", () => {
  const promptOf = (aspect?: Aspect, language?: Language): string => {
    const { target } = presetSpec("emotion", {
      ...request,
      ...(aspect && { aspect }),
      ...(language && { language }),
    });
    return "prompt" in target ? target.prompt : "";
  };

  test("are asked for in English, which feeling it is and about what, unless another thing or language is said", () => {
    expect(promptOf()).toMatch(/^Text: .*\nFeeling: joy at .*\n.*Text: \[X\]\nFeeling:$/su);
    expect(promptOf("towards")).toMatch(/Text: \[X\]\nFeeling towards:$/u);
    expect(promptOf("strength", "ko")).toMatch(/글: \[X\]\n감정의 세기:$/u);
    expect(promptOf(undefined, "ko")).toMatch(/글: \[X\]\n감정:$/u);
  });

  test("are no text where they are weighed", () => {
    const asked = { ...request, aspect: "strength" as const };
    expect(presetSpec("emotion", asked).read.kind).toBe("next-token");
    expect(messageOf(() => presetSpec("emotion", { ...asked, maxTokens: 5 }))).toContain(
      "maxTokens: the preset emotion with the aspect strength has no use for it",
    );
  });

  test("are one line", () => {
    expect(presetSpec("emotion", request).read).toMatchObject({ maxTokens: 8, stop: ["\n"] });
  });

  test("need no position: the slice is all tokens but the first", () => {
    expect(messageOf(() => presetSpec("emotion", { ...request, position: 2 }))).toContain(
      "position: the preset emotion has no use for it",
    );
  });
});
