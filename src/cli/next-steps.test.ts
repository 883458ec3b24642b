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
