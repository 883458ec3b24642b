/** Maps between two models: fitted, measured, kept, read back. */
import { expect, test } from "vitest";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import type { FittedMapping } from "../../src/mapping/fitted-mapping.ts";
import { readMapping, writeMapping } from "../../src/mapping/mapping-file.ts";
import type { AlignedText } from "../../src/run/aligned-texts.ts";
import type { KeptSums } from "../../src/run/fit-mapping.ts";
import { fitAcrossModels } from "../../src/run/fit-cross-model.ts";
import { randomModel } from "../support/random-model.ts";

const sizes = { heads: 2, kvHeads: 1, headSize: 4, intermediateSize: 16, vocabSize: 30 };
const small = randomModel({ seed: 1, layers: 2, hiddenSize: 8, ...sizes });
const large = randomModel({ seed: 2, layers: 3, hiddenSize: 12, ...sizes });

/** Texts that the target reads with a token before them. */
function texts(count: number, from: number): AlignedText[] {
  return Array.from({ length: count }, (_, text) => {
    const source = Array.from({ length: 12 }, (__, at) => ((text + from) * 7 + at * at * 5) % 30);
    const pairs = source.slice(1).map((_, at) => [at + 1, at + 2] as const);
    return { source, target: [29, ...source], pairs, length: 13 };
  });
}

const request = { texts: texts(24, 0), heldOut: texts(6, 24), kind: "affine" } as const;

test("A model's own states are mapped to themselves, token by token", async () => {
  const engine = await createReferenceEngine(large);
  const own = ({ source }: AlignedText): AlignedText => ({
    source,
    target: source,
    pairs: source.slice(1).map((_, at) => [at + 1, at + 1] as const),
    length: source.length,
  });
  const { pairs, states, heldOutStates } = await fitAcrossModels({
    ...{ source: engine, target: engine, kind: "affine", ridge: 1e-9 },
    texts: request.texts.map(own),
    heldOut: request.heldOut.map(own),
    pairs: [
      { source: 1, target: 1 },
      { source: "embedding", target: 2 },
    ],
  });
  const [same, other] = pairs;
  expect(states).toBe(24 * 11);
  expect(heldOutStates).toBe(6 * 11);
  expect(same?.scores?.precision1).toBe(1);
  expect(same?.scores?.r2).toBeGreaterThan(0.999);
  expect(same?.identity?.precision1).toBe(1);
  expect(other?.scores?.r2).toBeLessThan(0.999);
});

test("Maps to states of another width are measured in the target's model, and kept", async () => {
  const [source, target] = [await createReferenceEngine(small), await createReferenceEngine(large)];
  const { pairs } = await fitAcrossModels({
    ...{ ...request, source, target },
    pairs: [
      { source: 1, target: 0 },
      { source: 1, target: 2 },
    ],
  });
  for (const { scores, identity } of pairs) {
    assert(scores, "every map is measured");
    expect(scores.precision1).toBeGreaterThan(0);
    expect(scores.surprisal).toBeGreaterThan(0);
    expect(identity).toBeUndefined();
  }
  const model = { name: "small", weights: "sha256:01", layers: 2, hiddenSize: 8 };
  const mapping: FittedMapping = {
    kind: "affine",
    model,
    target: { name: "large", weights: "sha256:02", layers: 3, hiddenSize: 12 },
    site: "resid_post",
    pairs,
  };
  const kept = (of: FittedMapping): Promise<FittedMapping> =>
    readMapping("map", new Uint8Array(Buffer.concat(writeMapping(of))));
  const read = await kept(mapping);
  expect(read).toMatchObject({ model, target: mapping.target });
  expect(read.pairs[1]?.map).toEqual(pairs[1]?.map);
  const { target: _, ...ofOne } = mapping;
  await expect(kept(ofOne)).rejects.toThrow(/layer that its model of 2 layers has not|should be/u);
});

test("A fit of more pairs than are read at once goes on from whatever was kept", async () => {
  const [source, target] = [await createReferenceEngine(small), await createReferenceEngine(large)];
  const seen: KeptSums[] = [];
  const layers = [0, 1, "embedding"] as const;
  const own = {
    ...{ ...request, source, target },
    pairs: Array.from({ length: 40 }, (_, index) => ({
      source: layers[index % 3] ?? 0,
      target: Math.floor(index / 3) % 3,
    })),
    onSums: (sums: KeptSums): Promise<void> => {
      seen.push(structuredClone(sums));
      return Promise.resolve();
    },
  };
  const whole = await fitAcrossModels(own);
  const [first, last] = [seen[0], seen.at(-1)];
  const between = seen.find(({ batches, fitted }) => batches === 0 && fitted?.length === 32);
  const later = seen.find(({ batches, fitted }) => batches === 1 && fitted?.length === 32);
  expect(last).toMatchObject({ isAll: true });
  for (const stopped of [first, between, later, last]) {
    assert(stopped, "the fit told of it");
    const read: number[] = [];
    const again = await fitAcrossModels({
      ...{ ...request, source, target, pairs: own.pairs, stopped },
      onProgress: ({ phase, done }) => phase === "read" && read.push(done),
    });
    if (stopped.batches > 0) expect(read[0]).not.toBe(0);
    expect(again).toEqual(whole);
  }
});

test("Sums that are told of have all pairs of the last batch, or none", async () => {
  const [source, target] = [await createReferenceEngine(small), await createReferenceEngine(large)];
  const stop = new AbortController();
  const seen: KeptSums[] = [];
  const fit = fitAcrossModels({
    ...{ ...request, source, target, signal: stop.signal },
    pairs: [
      { source: 0, target: 0 },
      { source: 1, target: 2 },
    ],
    rest: () => {
      stop.abort();
      return Promise.resolve();
    },
    onSums: (sums) => Promise.resolve(void seen.push(sums)),
  });
  await expect(fit).rejects.toMatchObject({ code: "aborted" });
  expect(seen).toMatchObject([{ batches: 1 }]);
  expect(new Set(seen[0]?.moments.map(({ states }) => states)).size).toBe(1);
});

test("What is stopped stops", async () => {
  const [source, target] = [await createReferenceEngine(small), await createReferenceEngine(large)];
  const fit = fitAcrossModels({
    ...{ ...request, source, target, pairs: [{ source: 1, target: 0 }] },
    signal: AbortSignal.abort(),
  });
  await expect(fit).rejects.toMatchObject({ code: "aborted" });
});
