/** Rows of different lengths, behind contexts of their own. */
import { describe, expect, test } from "vitest";
import type { Cache, Engine, PassOutput, Read, Row } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { expectClose } from "../support/closeness.ts";
import { readAll, runPrompt } from "../support/patched-run.ts";
import { decode, lastLogits } from "./caches.ts";
import { mixedRows } from "./rows.ts";
import { holds, rowsOf, vectorOf, type Scene, type Subject } from "./subject.ts";

export function describeRagged(subject: Subject): void {
  describe("contexts of the rows' own", () => {
    describeRows(subject);
    describeLongerRows(subject);
    describeBlockedLooks(subject);
  });
}

function describeRows(subject: Subject): void {
  const { tolerance } = subject;

  test("and of any lengths stand before rows as each alone would, and are gone on from", () =>
    holds(
      subject,
      async (engine, scene) => {
        const { tokens, more, seed } = scene;
        const { cache, texts } = await keepRagged(engine, scene);
        const rows = mixedRows(engine, { tokens, seed });
        const places = placesOf(rows, { texts, scene });
        const { together, alone } = await runBoth(engine, { cache, rows, places, scene });
        assert(together.cache, "the rows were kept");
        expect(together.cache.lengths).toEqual(places.map(({ start, own }) => start + own));
        const { vocabSize, hiddenSize } = engine.architecture;
        for (const [row, output] of alone.entries()) {
          const got = rowsOf(together.read?.logits, { size: vocabSize, from: row, to: row + 1 });
          expectClose(got, lastLogits(engine, output), tolerance);
          const states = output.taps[0] ?? new Float32Array(0);
          const from = row * tokens.length * hiddenSize;
          expectClose(together.taps[0]?.slice(from, from + states.length), states, tolerance);
        }
        // Rows that are alike so far, and come apart; then some of them.
        for (let step = 0; step < 3; step++) {
          const column = rows.map((_, row) => more[step === 1 ? row % 2 : 0] ?? 0);
          await expectSameStep(engine, { cache: together.cache, alone, column, tolerance });
        }
        const some = [rows.length - 1, 0];
        await expectSameStep(engine, {
          cache: engine.select(together.cache, some),
          alone: some.flatMap((row) => alone[row] ?? []),
          column: more.slice(0, 2),
          tolerance,
        });
      },
      40,
    ));
}

function describeLongerRows(subject: Subject): void {
  test("may be some of a row that went on already", () =>
    holds(subject, async (engine, scene) => {
      const { position, more } = scene;
      const { cache, texts } = await keepRagged(engine, scene);
      const next = texts.map((_, row) => more[row % 3] ?? 0);
      await decode(engine, cache, next);
      const whole = texts.map((text, row) => [...text, next[row] ?? 0]);
      for (const length of [0, position, Infinity]) {
        const rows = [1, 0, 2, 1].map((row) => ({
          row,
          length: Math.min(length, whole[row]?.length ?? 0),
        }));
        const { read } = await engine.run({
          kind: "prefill",
          context: { cache, rows },
          length: more.length,
          rows: rows.map(() => ({ tokens: more })),
          read: readAt(rows, more.length - 1),
        });
        for (const [index, before] of rows.entries()) {
          const text = whole[before.row]?.slice(0, before.length) ?? [];
          const alone = await runPrompt(engine, [...text, ...more]);
          const size = engine.architecture.vocabSize;
          const got = rowsOf(read?.logits, { size, from: index, to: index + 1 });
          expectClose(got, lastLogits(engine, alone), subject.tolerance);
        }
      }
    }));
}

function describeBlockedLooks(subject: Subject): void {
  const { tolerance } = subject;

  test("let looks be blocked by where the tokens are in each text", () =>
    holds(subject, async (engine, scene) => {
      const { more, layer } = scene;
      const { cache, texts } = await keepRagged(engine, scene);
      const edges = texts.map((text, row) => ({ layer, row, from: 1, to: text.length - 1 }));
      const looks = edges.map(({ row, to }) => ({ layer, row, to }));
      const pass = { kind: "prefill", length: more.length, keep: true } as const;
      const token = Int32Array.of(more[0] ?? 0);
      const together = await engine.run({
        ...pass,
        context: { cache, rows: texts.map(({ length }, row) => ({ row, length })) },
        rows: texts.map(() => ({ tokens: more })),
        blocked: edges,
        read: readAt(texts, more.length - 1),
      });
      assert(together.cache, "the rows were kept");
      const after = await engine.run({
        kind: "decode",
        cache: together.cache,
        tokens: Int32Array.from(texts, () => more[0] ?? 0),
        blocked: looks,
        read: readAt(texts, 0),
      });
      const size = engine.architecture.vocabSize;
      for (const [row, text] of texts.entries()) {
        const alone = await engine.run({
          ...pass,
          context: { cache: engine.select(cache, [row]), length: text.length },
          rows: [{ tokens: more }],
          blocked: edges.slice(row, row + 1).map((edge) => ({ ...edge, row: 0 })),
          read: readAll(more.length),
        });
        const of = { size, from: row, to: row + 1 };
        expectClose(rowsOf(together.read?.logits, of), lastLogits(engine, alone), tolerance);
        assert(alone.cache, "the row was kept");
        const next = await engine.run({
          kind: "decode",
          cache: alone.cache,
          tokens: token,
          blocked: looks.slice(row, row + 1).map((look) => ({ ...look, row: 0 })),
          read: readAt([text], 0),
        });
        expectClose(rowsOf(after.read?.logits, of), next.read?.logits, tolerance);
      }
    }));
}

/** A row of a pass: what of which text stands before it, and how many tokens are its own. */
interface Place {
  readonly row: number;
  readonly start: number;
  readonly own: number;
}

/** As long, and behind as much, as the rows' texts give. */
function placesOf(
  rows: readonly Row[],
  { texts, scene }: { readonly texts: readonly (readonly number[])[]; readonly scene: Scene },
): readonly Place[] {
  return rows.map((_, index) => {
    const row = (index * 2 + scene.seed) % texts.length;
    const length = texts[row]?.length ?? 1;
    const start = Math.min(index % 3 === 0 ? scene.position : 1, length - 1);
    return { row, start, own: Math.min(scene.tokens.length, length - start) };
  });
}

/** Rows of different lengths in one pass, and each in a pass of its own. */
async function runBoth(
  engine: Engine,
  run: {
    readonly cache: Cache;
    readonly rows: readonly Row[];
    readonly places: readonly Place[];
    readonly scene: Scene;
  },
): Promise<{ readonly together: PassOutput; readonly alone: readonly PassOutput[] }> {
  const { cache, rows, places, scene } = run;
  const { layers, hiddenSize } = engine.architecture;
  const layer = layers - 1;
  const patch = { site: scene.site, layer, offset: 0, vector: vectorOf(engine, scene.seed) };
  const ofAll = { kind: "prefill", taps: [{ site: "resid_pre", layer }], keep: true } as const;
  const together = await engine.run({
    ...ofAll,
    length: scene.tokens.length,
    lengths: places.map(({ own }) => own),
    context: { cache, rows: places.map(({ row, start }) => ({ row, length: start })) },
    rows,
    patches: [{ ...patch, row: 1 }],
    read: { at: places.map(({ own }, row) => ({ row, offset: own - 1 })), topK: 0, logits: true },
  });
  const alone: PassOutput[] = [];
  for (const [index, { row, start, own }] of places.entries()) {
    const output = await engine.run({
      ...ofAll,
      length: own,
      context: { cache: engine.select(cache, [row]), length: start },
      rows: [shortened(rows[index], own, hiddenSize)],
      patches: index === 1 ? [{ ...patch, row: 0 }] : [],
      read: readAll(own),
    });
    alone.push(output);
  }
  return { together, alone };
}

/** Adds a token to every row of a cache, and to each row alone. */
async function expectSameStep(
  engine: Engine,
  step: {
    readonly cache: Cache;
    readonly alone: readonly PassOutput[];
    readonly column: readonly number[];
    readonly tolerance: number;
  },
): Promise<void> {
  const { cache, alone, column, tolerance } = step;
  const got = await decode(engine, cache, column);
  for (const [row, { cache: own }] of alone.entries()) {
    assert(own, "each row was kept");
    const [expected] = await decode(engine, own, column.slice(row, row + 1));
    expectClose(got[row], expected, tolerance);
  }
}

function readAt(rows: readonly unknown[], offset: number): Read {
  return { at: rows.map((_, row) => ({ row, offset })), topK: 0, logits: true };
}

/** Three texts of different lengths in one cache. */
async function keepRagged(
  engine: Engine,
  { tokens, more }: Pick<Scene, "tokens" | "more">,
): Promise<{ readonly cache: Cache; readonly texts: readonly (readonly number[])[] }> {
  const texts = [[...more.slice(1), ...tokens], tokens, [...tokens.toReversed(), ...more]];
  const length = Math.max(...texts.map((text) => text.length));
  const { cache } = await engine.run({
    kind: "prefill",
    length,
    lengths: texts.map((text) => text.length),
    rows: texts.map((text) => ({ tokens: [...text, ...more, ...more].slice(0, length) })),
    keep: true,
  });
  assert(cache, "the texts were kept");
  expect(cache.lengths).toEqual(texts.map((text) => text.length));
  return { cache, texts };
}

/** The first tokens of a row. */
function shortened(row: Row | undefined, length: number, hiddenSize: number): Row {
  assert(row, "there is a row");
  return "tokens" in row
    ? { tokens: row.tokens.slice(0, length) }
    : { ...row, states: row.states.slice(0, length * hiddenSize) };
}
