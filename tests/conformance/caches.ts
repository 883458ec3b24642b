/** Keys and values that outlive a pass: contexts, decoding, choosing rows, disposing. */
import { describe, expect, test } from "vitest";
import type { Cache, Engine, PassOutput, Row, Tap } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { expectClose } from "../support/closeness.ts";
import { readAll, runPrompt } from "../support/patched-run.ts";
import { holds, layersOf, rowsOf, vectorOf, type Subject } from "./subject.ts";

/** Enough for memory to be made room in more than once. */
const MANY_STEPS = 18;

export function describeCaches(subject: Subject): void {
  describe("a kept cache", () => {
    describeDecoding(subject);
    describeJoinedRows(subject);
    describeSelecting(subject);
  });
  describe("a context", () => {
    describeContexts(subject);
  });
}

function describeDecoding(subject: Subject): void {
  const { tolerance } = subject;

  test("decodes to what a run of the whole text computes, for every row", () =>
    holds(subject, async (engine, { tokens, more }) => {
      const prompts = [tokens, tokens.toReversed(), tokens.map(() => more[0] ?? 0)];
      const { cache } = await engine.run({
        kind: "prefill",
        length: tokens.length,
        rows: prompts.map((prompt) => ({ tokens: prompt })),
        keep: true,
      });
      assert(cache, "the rows were kept");
      for (const [step, token] of more.entries()) {
        const logits = await decode(
          engine,
          cache,
          prompts.map(() => token),
        );
        for (const [row, prompt] of prompts.entries()) {
          const whole = await runPrompt(engine, [...prompt, ...more.slice(0, step + 1)]);
          expectClose(logits[row], lastLogits(engine, whole), tolerance);
        }
      }
    }));

  test("knows its rows and grows by each decoded token", () =>
    holds(subject, async (engine, { tokens, more }) => {
      const cache = await keep(engine, tokens);
      expect([cache.rows, cache.length]).toEqual([1, tokens.length]);
      await decode(engine, cache, more.slice(0, 1));
      await decode(engine, cache, more.slice(1, 2));
      expect([cache.rows, cache.length]).toEqual([1, tokens.length + 2]);
    }));

  test("is returned only where it is asked for", () =>
    holds(subject, async (engine, { tokens }) => {
      expect((await runPrompt(engine, tokens)).cache).toBeUndefined();
    }));
}

function describeJoinedRows(subject: Subject): void {
  test("of joined rows decodes as whole patched prompts do, one row for each layer written", () =>
    holds(subject, async (engine, { tokens, position, more, seed }) => {
      const layers = layersOf(engine);
      const vectors = layers.map((layer) => vectorOf(engine, seed + layer));
      const { joined } = await joinEverywhere(engine, { tokens, position, vectors });
      const whole: PassOutput[] = [];
      for (const [layer, vector] of vectors.entries()) {
        const writes = [{ site: "resid_post", layer, position, vector } as const];
        whole.push(await runPrompt(engine, tokens, { writes, keep: true }));
      }
      const { vocabSize } = engine.architecture;
      for (const [row, { read }] of whole.entries()) {
        const logits = rowsOf(joined.read?.logits, { size: vocabSize, from: row, to: row + 1 });
        expectClose(
          logits,
          rowsOf(read?.logits, { size: vocabSize, from: tokens.length - 1 }),
          subject.tolerance,
        );
      }
      assert(joined.cache, "the joined rows were kept");
      for (const token of more) {
        const logits = await decode(
          engine,
          joined.cache,
          layers.map(() => token),
        );
        for (const [row, { cache }] of whole.entries()) {
          assert(cache, "the whole prompt was kept");
          const [expected] = await decode(engine, cache, [token]);
          expectClose(logits[row], expected, subject.tolerance);
        }
      }
    }));

  test("of which one is not finite decodes the others as they are", () =>
    holds(subject, async (engine, { tokens, position, more, seed }) => {
      const vectors = layersOf(engine).map((layer) => vectorOf(engine, seed + layer));
      const broken = vectors.map((vector, row) => (row === 0 ? vector.map(() => NaN) : vector));
      const { joined } = await joinEverywhere(engine, { tokens, position, vectors });
      const beside = (await joinEverywhere(engine, { tokens, position, vectors: broken })).joined;
      assert(joined.cache && beside.cache, "the rows were kept");
      for (let step = 0; step < MANY_STEPS; step++) {
        // Now one row, now another one goes a way of its own.
        const column = vectors.map((_, row) => more[row === step % vectors.length ? 0 : 1] ?? 0);
        const expected = await decode(engine, joined.cache, column);
        const got = await decode(engine, beside.cache, column);
        for (const row of vectors.keys()) {
          if (row > 0) expectClose(got[row], expected[row], subject.tolerance);
        }
      }
    }));

  test("stays usable when the context it was made from is disposed of", () =>
    holds(subject, async (engine, { tokens, position, more, seed }) => {
      const vectors = layersOf(engine).map((layer) => vectorOf(engine, seed + layer));
      const first = await joinEverywhere(engine, { tokens, position, vectors });
      const second = await joinEverywhere(engine, { tokens, position, vectors });
      first.clean.dispose();
      assert(first.joined.cache && second.joined.cache, "the joined rows were kept");
      const column = vectors.map(() => more[0] ?? 0);
      const got = await decode(engine, first.joined.cache, column);
      for (const [row, expected] of (await decode(engine, second.joined.cache, column)).entries()) {
        expectClose(got[row], expected, subject.tolerance);
      }
    }));
}

function describeSelecting(subject: Subject): void {
  test("gives some of its rows in another order, and stays as it is", () =>
    holds(subject, async (engine, { tokens, position, more, seed }) => {
      const vectors = layersOf(engine).map((layer) => vectorOf(engine, seed + layer));
      const { joined } = await joinEverywhere(engine, { tokens, position, vectors });
      assert(joined.cache, "the joined rows were kept");
      const last = vectors.length - 1;
      const rows = [last, 0, last];
      const some = engine.select(joined.cache, rows);
      expect([some.rows, some.length]).toEqual([3, joined.cache.length]);
      for (const token of more.slice(0, 2)) {
        const chosen = await decode(
          engine,
          some,
          rows.map(() => token),
        );
        const all = await decode(
          engine,
          joined.cache,
          vectors.map(() => token),
        );
        for (const [n, row] of rows.entries()) {
          expectClose(chosen[n], all[row], subject.tolerance);
        }
      }
      some.dispose();
      expect(joined.cache.length).toBe(tokens.length + 2);
    }));
}

function describeContexts(subject: Subject): void {
  const { tolerance } = subject;

  test("of any length leads to what the whole prompt computes", () =>
    holds(subject, async (engine, { tokens, more }) => {
      const text = [...tokens, ...more];
      const whole = await runPrompt(engine, text);
      const cache = await keep(engine, text);
      const { vocabSize } = engine.architecture;
      for (const length of [0, tokens.length, text.length - 1]) {
        const behind = await runBehind(engine, { cache, length }, text.slice(length));
        const expected = rowsOf(whole.read?.logits, { size: vocabSize, from: length });
        expectClose(behind.read?.logits, expected, tolerance);
      }
    }));

  test("of length 0 is no context", () =>
    holds(subject, async (engine, { tokens, more }) => {
      const cache = await keep(engine, more);
      const behind = await runBehind(engine, { cache, length: 0 }, tokens);
      const without = await runPrompt(engine, tokens, { keep: true });
      expectClose(behind.read?.logits, without.read?.logits, tolerance);
      expect(behind.cache?.length).toBe(tokens.length);
    }));

  test("may be longer than the part that is used", () =>
    holds(subject, async (engine, { tokens, position, more }) => {
      const cache = await keep(engine, tokens);
      const behind = await runBehind(engine, { cache, length: position }, more);
      const whole = await runPrompt(engine, [...tokens.slice(0, position), ...more]);
      expectClose(behind.read?.logits?.slice(-1), whole.read?.logits?.slice(-1), tolerance);
      expect(behind.cache?.length).toBe(position + more.length);
    }));

  test("may itself stand behind a context, have been decoded to, or be one of several rows", () =>
    holds(subject, async (engine, { tokens, position, more }) => {
      const first = await keep(engine, tokens);
      const second = await runBehind(engine, { cache: first, length: tokens.length }, more);
      assert(second.cache, "the row was kept");
      await decode(engine, second.cache, more.slice(0, 1));
      const text = [...tokens, ...more, ...more.slice(0, 1)];
      const doubled = engine.select(second.cache, [0, 0]);
      const selected = engine.select(doubled, [1]);
      for (const cache of [second.cache, selected]) {
        for (const length of [position, tokens.length, text.length - 1, text.length]) {
          const behind = await runBehind(engine, { cache, length }, tokens);
          const whole = await runPrompt(engine, [...text.slice(0, length), ...tokens]);
          expectClose(lastLogits(engine, behind), lastLogits(engine, whole), tolerance);
        }
      }
    }));

  test("is not changed by the rows behind it", () =>
    holds(subject, async (engine, { tokens, more }) => {
      const cache = await keep(engine, tokens);
      const context = { cache, length: tokens.length };
      const before = await runBehind(engine, context, more);
      assert(before.cache, "the row was kept");
      await decode(engine, before.cache, more.slice(0, 1));
      const after = await runBehind(engine, context, more);
      expect(cache.length).toBe(tokens.length);
      expectClose(after.read?.logits, before.read?.logits, tolerance);
    }));
}

/** A clean run, and behind its first tokens one kept row for each layer, with that layer's output written at `position`. */
async function joinEverywhere(
  engine: Engine,
  prompt: {
    readonly tokens: readonly number[];
    readonly position: number;
    readonly vectors: readonly Float32Array[];
  },
): Promise<{ readonly clean: Cache; readonly joined: PassOutput }> {
  const { tokens, position, vectors } = prompt;
  const { hiddenSize } = engine.architecture;
  const taps = layersOf(engine).map((layer): Tap => ({ site: "resid_post", layer }));
  const clean = await runPrompt(engine, tokens, { taps, keep: true });
  assert(clean.cache, "the clean run was kept");
  const rows = clean.taps.map((all, layer): Row => {
    const states = rowsOf(all, { size: hiddenSize, from: position });
    states.set(vectors[layer] ?? []);
    return { entry: layer + 1, states };
  });
  const length = tokens.length - position;
  const joined = await engine.run({
    kind: "prefill",
    context: { cache: clean.cache, length: position },
    length,
    rows,
    read: { at: rows.map((_, row) => ({ row, offset: length - 1 })), topK: 0, logits: true },
    keep: true,
  });
  return { clean: clean.cache, joined };
}

async function keep(engine: Engine, tokens: readonly number[]): Promise<Cache> {
  const { cache } = await runPrompt(engine, tokens, { keep: true });
  assert(cache, "the prompt was kept");
  return cache;
}

function runBehind(
  engine: Engine,
  context: { readonly cache: Cache; readonly length: number },
  tokens: readonly number[],
): Promise<PassOutput> {
  return engine.run({
    kind: "prefill",
    context,
    length: tokens.length,
    rows: [{ tokens }],
    read: readAll(tokens.length),
    keep: true,
  });
}

/** Adds a token to every row; the logits after it, by row. */
export async function decode(
  engine: Engine,
  cache: Cache,
  tokens: readonly number[],
): Promise<Float32Array[]> {
  const at = tokens.map((_, row) => ({ row, offset: 0 }));
  const { read } = await engine.run({
    kind: "decode",
    cache,
    tokens: Int32Array.from(tokens),
    read: { at, topK: 0, logits: true },
  });
  const size = engine.architecture.vocabSize;
  return tokens.map((_, row) => rowsOf(read?.logits, { size, from: row, to: row + 1 }));
}

export function lastLogits(engine: Engine, output: PassOutput): Float32Array {
  const logits = output.read?.logits;
  assert(logits, "the pass was read");
  return logits.slice(-engine.architecture.vocabSize);
}
