import { beforeAll, describe, expect, test } from "vitest";
import { randomModel } from "../../tests/support/random-model.ts";
import { wordTokenizer } from "../../tests/support/word-model.ts";
import { createReferenceEngine } from "../engine/reference/reference-engine.ts";
import { parseSpec } from "../spec/schema.ts";
import { ask, wordingSpec } from "./ask.ts";
import { askRequest } from "./ask-request.ts";
import { captureSources, readManySources } from "./many-sources.ts";
import type { ReadyModel } from "./run-spec.ts";
import { runSpec } from "./run-spec.ts";

let on: ReadyModel;

beforeAll(async () => {
  const definition = randomModel({ layers: 4, vocabSize: 128 });
  const tokenizer = wordTokenizer();
  on = {
    engine: await createReferenceEngine(definition),
    model: {
      ...definition,
      name: "toy",
      tokenizer: {
        ...tokenizer,
        decode: (tokens) => tokens.map((token) => tokenizer.piece(token)).join(""),
      },
      endTokens: new Set(),
      weightsHash: async () => "sha256:00",
    },
  };
});

describe("reading several sources", () => {
  test("says of each what a run of its own says, evidence and all", async () => {
    const sources = ["we saw Rome", "Oslo is far away", "the tiger"].map((prompt) => ({
      prompt,
      position: -1,
    }));
    const pairs = [
      { source: 2, target: 0 },
      { source: 1, target: 1 },
    ];
    const controls = [{ kind: "unpatched" }, { kind: "unrelated" }] as const;
    const states = await captureSources(
      sources,
      pairs.map(({ source }) => source),
      { on },
    );
    const together = await readManySources({
      spec: wordingSpec("the name of x is", { model: "toy", controls }),
      sources: states,
      pairs,
      on,
    });
    for (const [index, { prompt }] of sources.entries()) {
      for (const [at, pair] of pairs.entries()) {
        const alone = await runSpec(
          parseSpec({
            version: 1,
            source: { model: "toy", prompt, layer: pair.source },
            target: { prompt: "the name of x is", position: { find: "x" }, layer: pair.target },
            read: { kind: "generate", maxTokens: 8 },
          }),
          on,
        );
        const cell = together.sources[index]?.[at];
        expect(cell?.generated.map(({ token }) => token)).toEqual(alone.cells[0]?.tokens);
        expect(cell?.evidence).toBeCloseTo(alone.cells[0]?.evidence ?? NaN, 4);
      }
    }
  });

  test("names a source whose token is not there", async () => {
    const sources = [{ prompt: "we saw Rome", position: 9 }];
    await expect(captureSources(sources, [0], { on })).rejects.toThrow(/sources/u);
  });
});

describe("asking", () => {
  test("gives read-outs of every wording and pair, and candidates with what they rest on", async () => {
    const request = askRequest({
      prompt: "we saw Rome",
      wordings: ["the name of x is", "people in x like"],
      contrast: [
        { prompt: "we saw Oslo", position: -1 },
        { prompt: "we saw Lima", position: -1 },
      ],
    });
    const result = await ask(request, on);
    expect(result.readOuts).toHaveLength(6);
    expect(result.question.wordings.map(({ text }) => text)).toEqual([
      "the name of x is",
      "people in x like",
    ]);
    expect(result.contrast).toEqual(["we saw Oslo", "we saw Lima"]);
    expect(result.source.positions).toEqual([2]);
    expect(result.readOuts.every(({ evidence }) => evidence !== undefined)).toBe(true);
    for (const { saidBy } of result.ranked) expect(saidBy.length).toBeGreaterThan(0);
    const stands = result.ranked.filter(({ score }) => score >= result.threshold);
    if (result.answer !== undefined) expect(stands).toContainEqual(result.answer);
  });

  test("refuses a wording without a place for the vector", async () => {
    const request = askRequest({ prompt: "we saw Rome", wordings: ["nothing here"] });
    await expect(ask(request, on)).rejects.toThrow(/x/u);
  });
});

describe("a request", () => {
  test("puts the contrast set in the place of the word that is asked", () => {
    const { contrast, name } = askRequest({
      prompt: "In Japan, summers are hot",
      position: { find: "Japan", occurrence: "first", token: "last" },
      question: "currency",
    });
    expect(name).toBe("Japan");
    expect(contrast).toContainEqual({ prompt: "In France", position: -1, name: "France" });
    expect(contrast.map(({ prompt }) => prompt)).not.toContain("In Japan");
  });

  test("holds a token that is a number against sentences of its kind", () => {
    const { contrast } = askRequest({
      prompt: "He went to Peru",
      position: -1,
      question: "capital",
    });
    expect(contrast[0]?.prompt).toBe("I spent the summer in France");
  });

  test("lets the answer be like the name where it often is", () => {
    const { name, contrast } = askRequest({ prompt: "Poland", question: "language" });
    expect(name).toBeUndefined();
    expect(contrast.every((source) => source.name === undefined)).toBe(true);
  });
});
