import { expect, test } from "vitest";
import { nextSteps } from "./next-steps.ts";

test("each way to go on is a command that can be copied", () => {
  const inspection = {
    text: "Barack Obama",
    model: "smollm2-135m-instruct",
    preset: "entity",
    ask: undefined,
    at: undefined,
  } as const;
  expect(nextSteps(inspection, 120)).toMatchInlineSnapshot(`
    "Next
      ask it for one thing; x stands for it  npx patchscopes inspect "Barack Obama" --ask "The best thing about x is"
      what each layer would say next         npx patchscopes inspect "Barack Obama" --preset logit-lens
      keep all numbers                       npx patchscopes inspect "Barack Obama" --out result.json"
  `);
});

test("the model, the question and the shell's own signs are kept, below each other where it is narrow", () => {
  const inspection = {
    text: 'It costs $5 "net"',
    model: "./my model.gguf",
    preset: "attribute",
    ask: "The price of x",
    at: "costs",
  } as const;
  expect(nextSteps(inspection, 80)).toMatchInlineSnapshot(`
    "Next
      describe it in words:
        npx patchscopes inspect 'It costs $5 "net"' --model "./my model.gguf" --at costs
      what each layer would say next:
        npx patchscopes inspect 'It costs $5 "net"' --model "./my model.gguf" --at costs --preset logit-lens
      keep all numbers:
        npx patchscopes inspect 'It costs $5 "net"' --model "./my model.gguf" --at costs --ask "The price of x" --out result.json"
  `);
});

test("what goes through a map keeps its layers, which other presets do not need", () => {
  const inspection = {
    text: "A summer in Peru",
    model: "smollm2-135m-instruct",
    map: "map.safetensors",
    preset: "linear-shortcut",
    layers: "4,8",
    targetLayer: "20",
    ask: undefined,
    at: undefined,
  } as const;
  const commands = nextSteps(inspection, 200).split("\n").slice(1);
  const mapped = commands.filter((line) => line.includes("--map"));
  expect(mapped).toHaveLength(2);
  for (const line of mapped) {
    expect(line).toContain("--map map.safetensors --layers 4,8 --target-layer 20");
  }
  for (const line of commands.filter((each) => !mapped.includes(each))) {
    expect(line).not.toContain("--layers");
  }
});

test("another model that reads the states is part of each command", () => {
  const inspection = {
    text: "Barack Obama",
    model: "smollm2-135m-instruct",
    explainer: "gemma-3-270m",
    map: "across.safetensors",
    preset: "entity",
    ask: undefined,
    at: undefined,
  } as const;
  const commands = nextSteps(inspection, 120)
    .split("\n")
    .filter((line) => line.includes("npx"));
  for (const line of commands) {
    expect(line).toContain('"Barack Obama" --explainer gemma-3-270m --map across.safetensors');
    expect(line.split("--map")).toHaveLength(2);
  }
});

test("a preset that says itself which states are read is not told to read another one", () => {
  const inspection = { text: "We won the cup", model: "m", ask: undefined, at: undefined } as const;
  const steps = (preset: "emotion" | "entity"): string => nextSteps({ ...inspection, preset }, 120);
  expect(steps("entity")).toContain("another token");
  expect(steps("emotion")).not.toContain("--at");
});
