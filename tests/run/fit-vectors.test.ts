/** Maps from vectors that are no model's states to the states of the texts that say what they are of. */
import { expect, test } from "vitest";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import type { KeptSums } from "../../src/run/fit-mapping.ts";
import { captionTexts } from "../../src/run/caption-texts.ts";
import { fitAcrossModels } from "../../src/run/fit-cross-model.ts";
import { pairedStates } from "../../src/run/paired-states.ts";
import { randomModel } from "../support/random-model.ts";
import { wordTokenizer } from "../support/word-model.ts";

const [HIDDEN, WIDTH, TEXTS, LAYER] = [8, 11, 60, 1];
const model = randomModel({
  ...{ seed: 3, layers: 3, hiddenSize: HIDDEN, heads: 2, kvHeads: 1, headSize: 4 },
  ...{ intermediateSize: 16, vocabSize: 30 },
});
const texts = Array.from({ length: TEXTS }, (_, text) => {
  const target = Array.from({ length: 6 }, (__, at) => (text * 7 + at * at * 5 + text * at) % 30);
  return { source: [text], target, pairs: [[0, 4] as const], length: 6 };
});

/** What an encoder would give that sees as much as the states say, in other numbers and among others. */
async function seen(): Promise<Float32Array> {
  const engine = await createReferenceEngine(model);
  const on = { side: "target", of: engine, layers: [LAYER], signal: undefined } as const;
  const states = (await pairedStates(texts, on)).get(LAYER) ?? new Float32Array();
  const rows = new Float32Array(TEXTS * WIDTH);
  for (let row = 0; row < TEXTS; row++) {
    for (let i = 0; i < WIDTH; i++) {
      let sum = i < HIDDEN ? 0 : 0.01 * Math.sin(row * 5 + i);
      for (let j = 0; j < HIDDEN; j++) {
        sum += (states[row * HIDDEN + j] ?? NaN) * Math.sin(1 + i * 3 + j * 7 + i * j);
      }
      rows[row * WIDTH + i] = sum;
    }
  }
  return rows;
}

test("What vectors hold of states is found, whatever their width, and measured in the model", async () => {
  const engine = await createReferenceEngine(model);
  const rows = await seen();
  const request = {
    target: engine,
    kind: "affine",
    ridge: "auto",
    source: { width: WIDTH, rows },
    ...{ texts: texts.slice(12), heldOut: texts.slice(0, 12) },
    pairs: [{ source: 0, target: LAYER }],
  } as const;
  const { pairs, states, heldOutStates } = await fitAcrossModels(request);
  expect([states, heldOutStates]).toEqual([48, 12]);
  const [pair] = pairs;
  expect(pair?.scores?.r2).toBeGreaterThan(0.99);
  expect(pair?.scores?.precision1).toBe(1);
  expect(pair?.identity).toBeUndefined();
  expect(pair?.ridge).toBe(1e-5);
  // Of other vectors it finds nothing: no score is what any map would get.
  const shuffled = rows.slice().sort((a, b) => Math.sin(a * 1e4) - Math.sin(b * 1e4));
  const { pairs: none } = await fitAcrossModels({
    ...request,
    source: { width: WIDTH, rows: shuffled },
  });
  expect(none[0]?.scores?.r2).toBeLessThan(0.2);
});

test("A fit that was stopped goes on to the same map, with the ridge chosen too", async () => {
  const request = {
    target: await createReferenceEngine(model),
    source: { width: WIDTH, rows: await seen() },
    kind: "affine",
    ridge: "auto",
    ...{ texts: [...texts, ...texts], heldOut: texts.slice(0, 2) },
    pairs: [{ source: 0, target: LAYER }],
  } as const;
  const whole = await fitAcrossModels(request);
  let kept: KeptSums | undefined;
  const controller = new AbortController();
  const stopped = fitAcrossModels({
    ...request,
    signal: controller.signal,
    onSums: (sums) => {
      const moments = sums.moments.map((each) => ({
        ...each,
        sums: each.sums.map((of) => of.slice()),
      }));
      kept = { ...sums, moments };
      controller.abort();
      return Promise.resolve();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: "aborted" });
  expect(kept?.batches).toBe(1);
  expect(await fitAcrossModels({ ...request, stopped: kept })).toEqual(whole);
});

test("A text is read at its last token, or at what is marked in it, once for each vector of its group", () => {
  const tokenizer = wordTokenizer();
  const [plain, other] = captionTexts(["The capital of France", "South Korea"], 2, tokenizer);
  const tokens = tokenizer.encode("The capital of France").tokens;
  expect(plain?.target).toEqual(tokens);
  expect(plain?.source).toEqual([0, 1]);
  expect(other?.source).toEqual([2, 3]);
  expect(plain?.pairs).toEqual([
    [0, tokens.length - 1],
    [1, tokens.length - 1],
  ]);
  const [marked] = captionTexts(["The capital of {France} is"], 1, tokenizer);
  expect(marked?.pairs).toEqual([[0, tokens.length - 1]]);
  expect(() => captionTexts(["{a} b", "a b"], 1, tokenizer)).toThrow("one subject in braces");
  expect(() => captionTexts(["a ".repeat(200)], 1, tokenizer)).toThrow("more than 128 tokens");
});
