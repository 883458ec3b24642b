/** What an engine refuses, and how. */
import { describe, expect, test } from "vitest";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import type { Cache, Engine, PrefillPass } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { HEAD_SITES, type Site } from "../../src/site.ts";
import { runPrompt } from "../support/patched-run.ts";
import { modelAt, vectorOf, type Subject } from "./subject.ts";

const TOKENS = [3, 1, 2];
const FIRST: Pick<PrefillPass, "kind" | "length" | "rows"> = {
  kind: "prefill",
  length: TOKENS.length,
  rows: [{ tokens: TOKENS }],
};
const misuse: unknown = expect.objectContaining({ name: "PatchscopesError", code: "engine" });
const aborted: unknown = expect.objectContaining({ name: "PatchscopesError", code: "aborted" });

type Case = readonly [what: string, pass: (engine: Engine) => PrefillPass];

export function describeMisuse(
  subject: Subject,
  create: (model: ModelDefinition) => Promise<Engine>,
): void {
  describe("an engine refuses", () => {
    const cases: readonly Case[] = [
      [
        "a token beyond the vocabulary",
        (engine) => {
          const tokens = [0, engine.architecture.vocabSize, 0];
          return { ...FIRST, rows: [{ tokens }] };
        },
      ],
      ["a negative token", () => ({ ...FIRST, rows: [{ tokens: [0, -1, 0] }] })],
      ["a row of another length", () => ({ ...FIRST, rows: [{ tokens: [1] }] })],
      ["a pass without rows", () => ({ ...FIRST, rows: [] })],
      [
        "states of a wrong size",
        () => ({ ...FIRST, rows: [{ entry: 1, states: new Float32Array(5) }] }),
      ],
      [
        "an entry beyond the last block",
        (engine) => {
          return { ...FIRST, rows: [stateRow(engine, engine.architecture.layers + 1)] };
        },
      ],
      [
        "rows that are not ascending in their entries",
        (engine) => {
          return { ...FIRST, rows: [stateRow(engine, 2), stateRow(engine, 1)] };
        },
      ],
      [
        "a patch before its row's entry",
        (engine) => {
          const vector = vectorOf(engine, 1);
          const patch = { site: "resid_post", layer: 0, row: 0, offset: 0, vector } as const;
          return { ...FIRST, rows: [stateRow(engine, 1)], patches: [patch] };
        },
      ],
      [
        "a patch of a row that is not there",
        (engine) => {
          const vector = vectorOf(engine, 1);
          const patch = { site: "mlp_out", layer: 0, row: 1, offset: 0, vector } as const;
          return { ...FIRST, patches: [patch] };
        },
      ],
      [
        "a patch beyond the row",
        (engine) => {
          const vector = vectorOf(engine, 1);
          const patch = { site: "mlp_out", layer: 0, row: 0, offset: 3, vector } as const;
          return { ...FIRST, patches: [patch] };
        },
      ],
      [
        "a patch of a wrong size",
        () => {
          const vector = new Float32Array(3);
          const patch = { site: "mlp_out", layer: 0, row: 0, offset: 0, vector } as const;
          return { ...FIRST, patches: [patch] };
        },
      ],
      ...HEAD_SITES.map((site): Case => [
        `a patch of ${site}, which can only be read`,
        (engine) => {
          const vector = vectorOf(engine, 1);
          // As from plain JavaScript: the port's types do not allow it.
          const place = { site: site as Site, layer: 0 };
          return { ...FIRST, patches: [{ ...place, row: 0, offset: 0, vector }] };
        },
      ]),
      [
        "a tap of a layer that is not there",
        (engine) => {
          return { ...FIRST, taps: [{ site: "resid_post", layer: engine.architecture.layers }] };
        },
      ],
      [
        "reading beyond the row",
        () => ({ ...FIRST, read: { at: [{ row: 0, offset: 3 }], topK: 1 } }),
      ],
      [
        "more tokens than the vocabulary has",
        (engine) => {
          return { ...FIRST, read: { at: [], topK: engine.architecture.vocabSize + 1 } };
        },
      ],
      [
        "a kept row that enters above block 0 without a context over it",
        (engine) => {
          return { ...FIRST, rows: [stateRow(engine, 1)], keep: true };
        },
      ],
    ];
    test.each(cases)("%s", async (_, pass) => {
      const engine = subject.engineOf(0);
      await expect(engine.run(pass(engine))).rejects.toEqual(misuse);
    });

    test("a context longer than its cache, or of several rows", async () => {
      const engine = subject.engineOf(0);
      const cache = await keep(engine);
      const longer = engine.run({ ...FIRST, context: { cache, length: TOKENS.length + 1 } });
      await expect(longer).rejects.toEqual(misuse);
      const two = engine.select(cache, [0, 0]);
      await expect(engine.run({ ...FIRST, context: { cache: two, length: 1 } })).rejects.toEqual(
        misuse,
      );
      const pass = { ...FIRST, rows: [...FIRST.rows, ...FIRST.rows] };
      const first = { row: 0, length: 1 };
      const wrong = [
        { row: 2, length: 1 },
        { row: -1, length: 1 },
        { row: 1, length: 9 },
      ];
      for (const rows of [[first], [first, first, first], ...wrong.map((row) => [first, row])]) {
        const context = { cache: two, rows };
        await expect(engine.run({ ...pass, context })).rejects.toEqual(misuse);
      }
    });

    test("lengths that rows cannot have, and reading what fills them up", async () => {
      const engine = subject.engineOf(0);
      const pass = { ...FIRST, rows: [...FIRST.rows, ...FIRST.rows] };
      for (const lengths of [[1], [1, TOKENS.length + 1], [-1, 1]]) {
        await expect(engine.run({ ...pass, lengths })).rejects.toEqual(misuse);
      }
      const read = { at: [{ row: 1, offset: 1 }], topK: 0 };
      await expect(engine.run({ ...pass, lengths: [2, 1], read })).rejects.toEqual(misuse);
    });

    test("a kept joined row whose context ends inside it", async () => {
      const engine = subject.engineOf(0);
      const context = { cache: await keep(engine), length: 1 };
      const pass = { ...FIRST, context, rows: [stateRow(engine, 1)] };
      await expect(engine.run({ ...pass, keep: true })).rejects.toEqual(misuse);
      await expect(engine.run(pass)).resolves.toBeDefined();
    });

    test("decoding another number of tokens than the cache has rows", async () => {
      const engine = subject.engineOf(0);
      const cache = await keep(engine);
      const read = { at: [], topK: 0 };
      const tokens = Int32Array.from([1, 2]);
      await expect(engine.run({ kind: "decode", cache, tokens, read })).rejects.toEqual(misuse);
      expect(cache.length).toBe(TOKENS.length);
    });

    test("selecting a row that is not there", async () => {
      const engine = subject.engineOf(0);
      const cache = await keep(engine);
      expect(() => engine.select(cache, [1])).toThrow(misuse);
    });

    test("the state between attention and MLP of a parallel block", async () => {
      const engine = subject.engineOf(6);
      const place = { site: "resid_mid", layer: 0 } as const;
      const vector = new Float32Array(engine.architecture.hiddenSize);
      const patch = { ...place, row: 0, offset: 0, vector };
      await expect(engine.run({ ...FIRST, taps: [place] })).rejects.toEqual(misuse);
      await expect(engine.run({ ...FIRST, patches: [patch] })).rejects.toEqual(misuse);
    });

    test("more tokens than positions that were learned", async () => {
      const engine = subject.engineOf(5);
      const { maxPositions } = engine.architecture;
      const tokens = Array.from({ length: maxPositions }, () => 1);
      const { cache } = await runPrompt(engine, tokens, { keep: true });
      assert(cache, "the prompt was kept");
      await expect(runDecode(engine, cache)).rejects.toEqual(misuse);
      await expect(runPrompt(engine, [...tokens, 1])).rejects.toEqual(misuse);
    });

    test("a cache that has been disposed of, which may happen twice", async () => {
      const engine = subject.engineOf(0);
      const cache = await keep(engine);
      const other = engine.select(cache, [0]);
      cache.dispose();
      cache.dispose();
      await expectRefused(engine, cache);
      await expect(runDecode(engine, other)).resolves.toBeDefined();
    });

    test("a cache of another engine", async () => {
      const cache = await keep(subject.engineOf(1));
      await expectRefused(subject.engineOf(0), cache);
    });

    test("everything once it has been disposed of", async () => {
      const engine = await create(modelAt(0));
      const cache = await keep(engine);
      await engine.dispose();
      await engine.dispose();
      await expect(engine.run(FIRST)).rejects.toEqual(misuse);
      await expectRefused(engine, cache);
    });

    test("to go on with a pass that was stopped, before or after it began", async () => {
      const engine = subject.engineOf(0);
      const pass = { ...FIRST, read: { at: [{ row: 0, offset: 0 }], topK: 1 } };
      await expect(engine.run(pass, AbortSignal.abort())).rejects.toEqual(aborted);
      const controller = new AbortController();
      const running = engine.run(pass, controller.signal);
      controller.abort();
      await expect(running).rejects.toEqual(aborted);
      await expect(engine.run(pass, new AbortController().signal)).resolves.toBeDefined();
    });
  });
}

/** A row of zeros; fits {@link FIRST}. */
function stateRow(engine: Engine, entry: number): { entry: number; states: Float32Array } {
  const states = new Float32Array(TOKENS.length * engine.architecture.hiddenSize);
  return { entry, states };
}

async function expectRefused(engine: Engine, cache: Cache): Promise<void> {
  await expect(runDecode(engine, cache)).rejects.toEqual(misuse);
  const context = { cache, length: 1 };
  await expect(engine.run({ ...FIRST, context })).rejects.toEqual(misuse);
  expect(() => engine.select(cache, [0])).toThrow(misuse);
}

function runDecode(engine: Engine, cache: Cache): Promise<unknown> {
  const read = { at: [{ row: 0, offset: 0 }], topK: 1 };
  return engine.run({ kind: "decode", cache, tokens: Int32Array.from([1]), read });
}

async function keep(engine: Engine): Promise<Cache> {
  const { cache } = await runPrompt(engine, TOKENS, { keep: true });
  assert(cache, "the prompt was kept");
  return cache;
}
