/** One engine against another on random passes that use everything the port has at once. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import {
  entryOf,
  type Edge,
  type Engine,
  type Patch,
  type PassOutput,
  type PrefillPass,
  type Read,
  type Row,
  type Tap,
} from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { HEAD_SITES } from "../../src/site.ts";
import { expectClose } from "../support/closeness.ts";
import { runPrompt } from "../support/patched-run.ts";
import { normalNumbers } from "../support/random-model.ts";
import { createSubject } from "./conformance.ts";
import { MODELS, modelAt, sitesOf, vectorOf } from "./subject.ts";

interface NamedEngine {
  readonly name: string;
  readonly create: (model: ModelDefinition) => Promise<Engine>;
}

/** A random pass behind a random context, and what is done with its cache. All of it plain data. */
interface Session {
  readonly model: number;
  readonly context: readonly number[];
  readonly contextLength: number;
  readonly pass: Omit<PrefillPass, "context" | "read"> & { readonly read: Read };
  /** What is decoded, step by step. */
  readonly steps: readonly Step[];
}

interface Step {
  /** Rows of those of the step before, of the pass at first, that go on. */
  readonly selected: readonly number[];
  /** A token for each: some get the same, and what they have in common may be computed once. */
  readonly tokens: readonly number[];
  readonly blocked: readonly Omit<Edge, "from">[];
}

/** Declares the comparison. */
export function describeAgainst(
  subject: NamedEngine,
  oracle: NamedEngine,
  tolerance: number,
  maxRuns = Infinity,
): void {
  describe(`the ${subject.name} engine against the ${oracle.name} engine`, () => {
    const ours = createSubject(subject.create, tolerance);
    const theirs = createSubject(oracle.create, tolerance);

    test("computes the same states, read-outs and continuations in random passes", () =>
      fc.assert(
        fc.asyncProperty(sessions, async (session) => {
          const got = await runSession(ours.engineOf(session.model), session);
          const expected = await runSession(theirs.engineOf(session.model), session);
          expect(got).toHaveLength(expected.length);
          for (const [n, numbers] of expected.entries()) {
            expectClose(got[n], numbers, tolerance);
          }
        }),
        { numRuns: Math.min(60, maxRuns), seed: 1 },
      ));
  });
}

/** Every array that the session's passes return. */
async function runSession(engine: Engine, session: Session): Promise<readonly Float32Array[]> {
  const { cache: context } = await runPrompt(engine, session.context, { keep: true });
  assert(context, "the context was kept");
  const first = await engine.run({
    ...session.pass,
    context: { cache: context, length: session.contextLength },
  });
  context.dispose();
  assert(first.cache, "the pass was kept");
  const numbers = arraysOf(first);
  let { cache } = first;
  for (const { selected, blocked, ...step } of session.steps) {
    const some = engine.select(cache, selected);
    cache.dispose();
    cache = some;
    const tokens = Int32Array.from(step.tokens);
    const at = selected.map((_, row) => ({ row, offset: 0 }));
    const read: Read = { at, topK: 1, tracked: tokens, logits: true };
    numbers.push(...arraysOf(await engine.run({ kind: "decode", cache, tokens, blocked, read })));
  }
  cache.dispose();
  return numbers;
}

function arraysOf({ taps, read }: PassOutput): Float32Array[] {
  assert(read?.logits && read.trackedLogprobs, "all was read");
  return [...taps, read.logits, read.trackedLogprobs, read.topLogprobs];
}

const sessions: fc.Arbitrary<Session> = fc
  .record({
    model: fc.nat(MODELS.length - 1),
    length: fc.integer({ min: 1, max: 4 }),
    before: fc.nat(4),
    after: fc.nat(2),
    rowCount: fc.integer({ min: 1, max: 6 }),
  })
  .chain(({ model, length, before, after, rowCount }) => {
    const { architecture } = modelAt(model);
    const { layers, vocabSize } = architecture;
    const tokens = (count: number): fc.Arbitrary<number[]> =>
      fc.array(fc.nat(vocabSize - 1), { minLength: count, maxLength: count });
    const place = fc.record({ row: fc.nat(rowCount - 1), offset: fc.nat(length - 1) });
    return fc
      .record({
        context: tokens(before + length + after),
        entries: fc.array(fc.nat(layers), { minLength: rowCount, maxLength: rowCount }),
        prompts: fc.array(tokens(length), { minLength: rowCount, maxLength: rowCount }),
        patches: fc.array(
          fc.record({
            site: fc.constantFrom(...sitesOf(architecture)),
            layer: fc.nat(layers - 1),
            place,
          }),
          { maxLength: 5 },
        ),
        taps: fc.array(
          fc.record({
            site: fc.constantFrom(...sitesOf(architecture), ...HEAD_SITES),
            layer: fc.nat(layers - 1),
          }),
          { maxLength: 6 },
        ),
        blocked: fc.array(
          fc.record({
            layer: fc.nat(layers - 1),
            place,
            to: fc.nat(before + length - 1),
          }),
          { maxLength: 12 },
        ),
        at: fc.array(place, { minLength: 1, maxLength: 4 }),
        topK: fc.nat(vocabSize),
        steps: fc.array(
          fc.record({
            selected: fc.array(fc.nat(), { minLength: 1, maxLength: 7 }),
            tokens: fc.array(fc.constantFrom(1, 2), { minLength: 7, maxLength: 7 }),
            blocked: fc.array(
              fc.record({ layer: fc.nat(layers - 1), row: fc.nat(6), to: fc.nat(before) }),
              { maxLength: 3 },
            ),
          }),
          { minLength: 1, maxLength: 5 },
        ),
        seed: fc.nat(1e6),
      })
      .map((drawn) => sessionOf({ ...drawn, model, length, contextLength: before }));
  });

interface Drawn {
  readonly model: number;
  readonly length: number;
  readonly contextLength: number;
  readonly context: readonly number[];
  readonly entries: readonly number[];
  readonly prompts: readonly (readonly number[])[];
  readonly patches: readonly (Pick<Patch, "site" | "layer"> & {
    readonly place: { readonly row: number; readonly offset: number };
  })[];
  readonly blocked: readonly {
    readonly layer: number;
    readonly place: { readonly row: number; readonly offset: number };
    readonly to: number;
  }[];
  readonly taps: readonly Tap[];
  readonly at: readonly { readonly row: number; readonly offset: number }[];
  readonly topK: number;
  readonly steps: readonly Step[];
  readonly seed: number;
}

function sessionOf(drawn: Drawn): Session {
  const { model, length, context, contextLength, taps, at, topK, seed } = drawn;
  const { architecture } = modelAt(model);
  const { hiddenSize, vocabSize } = architecture;
  const rows = drawn.entries
    .toSorted((a, b) => a - b)
    .map((entry, row): Row => {
      const numbers = normalNumbers(seed + row);
      return entry === 0
        ? { tokens: drawn.prompts[row] ?? [] }
        : { entry, states: Float32Array.from({ length: length * hiddenSize }, numbers) };
    });
  const patches = drawn.patches.flatMap(({ site, layer, place }, n): Patch[] => {
    const row = rows[place.row];
    const canBePatched = row !== undefined && entryOf(row) <= layer;
    const vector = vectorOf({ architecture }, seed - n);
    return canBePatched ? [{ site, layer, ...place, vector }] : [];
  });
  const blocked = drawn.blocked.flatMap(({ layer, place: { row, offset }, to }): Edge[] => {
    const of = rows[row];
    // Looking at itself, a token is never left with nothing to look at.
    const canBeBlocked = of !== undefined && entryOf(of) <= layer && to !== contextLength + offset;
    return canBeBlocked ? [{ layer, row, from: offset, to }] : [];
  });
  const tracked = Int32Array.from(at, (_, n) => (seed + n) % vocabSize);
  return {
    model,
    context,
    contextLength,
    pass: {
      kind: "prefill",
      length,
      rows,
      patches,
      blocked,
      taps,
      read: { at, topK, tracked, logits: true },
      keep: true,
    },
    steps: stepsOf(drawn.steps, rows.length),
  };
}

/** Steps as they were drawn, of rows that are there. */
function stepsOf(drawn: readonly Step[], rowCount: number): readonly Step[] {
  let rows = rowCount;
  return drawn.map((step): Step => {
    const selected = step.selected.map((row) => row % rows);
    rows = selected.length;
    return {
      selected,
      tokens: step.tokens.slice(0, rows),
      blocked: step.blocked.filter(({ row }) => row < rows),
    };
  });
}
