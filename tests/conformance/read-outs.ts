/** From final states to tokens and log-probabilities. */
import { describe, expect, test } from "vitest";
import type { Engine, ReadOut } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { expectClose } from "../support/closeness.ts";
import { holds, rowsOf, type Subject } from "./subject.ts";

export function describeReadOuts(subject: Subject): void {
  const { tolerance } = subject;

  describe("read-outs", () => {
    test("the most probable tokens are the sorted log-softmax of the logits", () =>
      holds(subject, async (engine, { tokens, seed }) => {
        const { vocabSize } = engine.architecture;
        const topK = 1 + (seed % vocabSize);
        const read = await readPlaces(engine, [tokens], { topK });
        for (const place of tokens.keys()) {
          const logits = rowsOf(read.logits, { size: vocabSize, from: place, to: place + 1 });
          const top = [...read.topTokens.slice(place * topK, (place + 1) * topK)];
          expect(top).toEqual(sortedTokens(logits).slice(0, topK));
          const logprobs = read.topLogprobs.slice(place * topK, (place + 1) * topK);
          const all = logSoftmax(logits);
          expectClose(
            logprobs,
            Float32Array.from(top, (token) => all[token] ?? NaN),
            tolerance,
          );
        }
      }));

    test("a tracked token's log-probability is that of the log-softmax", () =>
      holds(subject, async (engine, { tokens, seed }) => {
        const { vocabSize } = engine.architecture;
        const tracked = Int32Array.from(tokens, (token) => (token + seed) % vocabSize);
        const read = await readPlaces(engine, [tokens], { topK: 0, tracked });
        const expected = Float32Array.from(tracked, (token, place) => {
          const logits = rowsOf(read.logits, { size: vocabSize, from: place, to: place + 1 });
          return logSoftmax(logits)[token] ?? NaN;
        });
        expectClose(read.trackedLogprobs, expected, tolerance);
        expect([read.topTokens.length, read.topLogprobs.length]).toEqual([0, 0]);
      }));

    test("what was not asked for is not there", () =>
      holds(subject, async (engine, { tokens }) => {
        const output = await engine.run({
          kind: "prefill",
          length: tokens.length,
          rows: [{ tokens }],
          read: { at: [], topK: 3 },
        });
        assert(output.read, "an empty read is answered");
        expect(output.read.topTokens).toHaveLength(0);
        expect(output.read.logits).toBeUndefined();
        expect(output.read.trackedLogprobs).toBeUndefined();
        const unread = await engine.run({
          kind: "prefill",
          length: tokens.length,
          rows: [{ tokens }],
        });
        expect(unread.read).toBeUndefined();
      }));

    test("places may come in any order and more than once", () =>
      holds(subject, async (engine, { tokens }) => {
        const { vocabSize: size } = engine.architecture;
        const inOrder = await readPlaces(engine, [tokens], { topK: 0 });
        const offsets = [...tokens.keys(), ...tokens.keys()].reverse();
        const { read } = await engine.run({
          kind: "prefill",
          length: tokens.length,
          rows: [{ tokens }],
          read: { at: offsets.map((offset) => ({ row: 0, offset })), topK: 0, logits: true },
        });
        for (const [place, offset] of offsets.entries()) {
          const expected = rowsOf(inOrder.logits, { size, from: offset, to: offset + 1 });
          const got = rowsOf(read?.logits, { size, from: place, to: place + 1 });
          expectClose(got, expected, tolerance);
        }
      }));

    test("a pass may have more than 64", () =>
      holds(
        subject,
        async (engine, { tokens, seed }) => {
          const { vocabSize } = engine.architecture;
          const shift = (by: number): number[] => tokens.map((t) => (t + by) % vocabSize);
          const prompts = Array.from({ length: 70 }, (_, by) => shift(by));
          const tracked = Int32Array.from(prompts.flat(), (token) => (token + seed) % vocabSize);
          const together = await readPlaces(engine, prompts, { topK: 2, tracked });
          for (const row of [0, 63, 64, 69]) {
            const places = { size: tokens.length, from: row, to: row + 1 };
            const alone = await readPlaces(engine, prompts.slice(row, row + 1), {
              topK: 2,
              tracked: tracked.slice(row * tokens.length, (row + 1) * tokens.length),
            });
            const size = tokens.length * vocabSize;
            expectClose(rowsOf(together.logits, { ...places, size }), alone.logits, tolerance);
            expectClose(rowsOf(together.trackedLogprobs, places), alone.trackedLogprobs, tolerance);
            const top = rowsOf(together.topLogprobs, { ...places, size: 2 * tokens.length });
            expectClose(top, alone.topLogprobs, tolerance);
          }
        },
        5,
      ));
  });
}

/** Reads every offset of every prompt, logits included. */
async function readPlaces(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  read: { readonly topK: number; readonly tracked?: Int32Array },
): Promise<ReadOut> {
  const output = await engine.run({
    kind: "prefill",
    length: prompts[0]?.length ?? 0,
    rows: prompts.map((tokens) => ({ tokens })),
    read: {
      ...read,
      at: prompts.flatMap((tokens, row) => tokens.map((_, offset) => ({ row, offset }))),
      logits: true,
    },
  });
  assert(output.read, "the pass was read");
  return output.read;
}

function logSoftmax(logits: Float32Array): Float64Array {
  const highest = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
  return Float64Array.from(logits, (logit) => logit - highest - Math.log(total));
}

/** All tokens, most probable first; equal logits in the order of their ids. */
function sortedTokens(logits: Float32Array): number[] {
  return [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
}
