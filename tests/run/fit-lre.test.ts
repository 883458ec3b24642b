/** Relations of which a part is there already. What they are is for `tests/parity/lre.test.ts`. */
import { expect, test } from "vitest";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import { fitLre, type LreRequest } from "../../src/run/fit-lre.ts";
import type { KeptSums } from "../../src/run/fit-mapping.ts";
import { randomModel } from "../support/random-model.ts";

const sizes = { heads: 2, kvHeads: 1, headSize: 4, intermediateSize: 16, vocabSize: 30 };
const model = randomModel({ seed: 1, layers: 3, hiddenSize: 8, ...sizes });
// So long that a pass takes a few numbers of a state.
const texts = [0, 1, 2].map((text) => ({
  tokens: Array.from({ length: 70 + text }, (_, at) => (text * 7 + at * at * 5) % 30),
  subject: 2 + text,
}));

async function requestOf(): Promise<LreRequest> {
  const engine = await createReferenceEngine(model);
  const [heldOut, ...examples] = texts;
  assert(heldOut, "there are texts");
  return { engine, layers: ["embedding", 1], target: 2, texts: examples, heldOut: [heldOut] };
}

test("A relation goes on from whatever derivatives were kept as if it had not been stopped", async () => {
  const request = await requestOf();
  const seen: KeptSums[] = [];
  const onSums = (sums: KeptSums): Promise<void> =>
    Promise.resolve(void seen.push(structuredClone(sums)));
  const whole = await fitLre({ ...request, onSums });
  const total = 2 * 2 * 8;
  expect(seen.map(({ batches }) => batches)).not.toContain(0);
  expect(seen.at(-1)).toMatchObject({ batches: total, isAll: true });
  // In the middle of a layer, between two of them, between two texts, at the end.
  expect(seen.some(({ batches }) => batches % 8 !== 0)).toBe(true);
  expect(seen.map(({ batches }) => batches)).toEqual(expect.arrayContaining([8, 16, total]));
  for (const stopped of seen) {
    const first: number[] = [];
    const onProgress: LreRequest["onProgress"] = ({ phase, done }) =>
      phase === "differentiate" && first.push(done);
    expect(await fitLre({ ...request, stopped, onProgress })).toEqual(whole);
    if (!stopped.isAll) expect(first[0]).toBeGreaterThan(stopped.batches);
    else expect(first).toEqual([]);
  }
});

test("What was kept of a relation that is stopped is all that it was told of", async () => {
  const request = await requestOf();
  const stop = new AbortController();
  const seen: KeptSums[] = [];
  const fit = fitLre({
    ...request,
    signal: stop.signal,
    onSums: (sums) => {
      seen.push(sums);
      if (seen.length === 3) stop.abort();
      return Promise.resolve();
    },
  });
  await expect(fit).rejects.toMatchObject({ code: "aborted" });
  // The very arrays, as a file is made of them when the fit has stopped.
  expect(await fitLre({ ...request, stopped: seen.at(-1) })).toEqual(await fitLre(request));
});
