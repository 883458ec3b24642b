/** Many specs together say what each says alone: in one plan where they ask the same, alone where they do not. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Pass } from "../../src/engine/engine.ts";
import type { CellRecord, PatchscopeResult } from "../../src/result/result.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { limitsWithin, memoryTogether, tokensOfRow } from "../../src/run/memory.ts";
import { countMany, runMany } from "../../src/run/run-many.ts";
import { planSpec, runSpec } from "../../src/run/run-spec.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import type { SpecInput } from "../../src/spec/spec-input.ts";
import type { PatchscopeSpec } from "../../src/spec/spec.ts";
import { counting } from "../support/counting-engine.ts";
import { expectNear } from "../support/nats.ts";
import { useTinyModel } from "../support/tiny-model.ts";
import { leastMemory } from "./least-memory.ts";

const tiny = useTinyModel("llama-gguf");

const TEXTS = ["the cat", "the dog sat on the mat", "a", "the cat", "the old man and the sea"];

function specs(of: (prompt: string) => SpecInput): PatchscopeSpec[] {
  return TEXTS.map((prompt) => specOf(of(prompt)));
}

function specOf(input: SpecInput): PatchscopeSpec {
  return parseSpec({ version: 1, ...input, source: { ...input.source, model: tiny().model.name } });
}

const target = { prompt: "the dog x sat", position: { find: "x" }, layer: [0, 1] } as const;
const generate = { kind: "generate", maxTokens: 4, ignoreEos: true } as const;

const CASES: readonly (readonly [string, (prompt: string) => SpecInput])[] = [
  ["next tokens", (prompt) => ({ source: { prompt }, target, read: { kind: "next-token" } })],
  ["texts with evidence", (prompt) => ({ source: { prompt }, target, read: generate })],
  [
    "all controls",
    (prompt) => ({
      source: { prompt, position: "all", layer: 0 },
      target,
      read: generate,
      controls: ["unpatched", "unrelated", "mean", "random", "text-only"],
    }),
  ],
  [
    "texts of their own without a vector",
    (prompt) => ({
      source: { prompt },
      target,
      read: generate,
      controls: ["unpatched", { kind: "text-only", prompt: `${prompt} sat` }],
    }),
  ],
  [
    "slices",
    (prompt) => ({
      source: { prompt, position: { together: "all" }, layer: "all" },
      target: { prompt: "the @ says", position: { marker: "@" }, layer: 0 },
      read: generate,
    }),
  ],
  [
    "targets that are the source",
    (prompt) => ({ source: { prompt }, target: { prompt: "same" }, read: generate }),
  ],
  [
    "metrics",
    (prompt) => ({
      source: { prompt },
      target,
      read: { kind: "next-token" },
      metrics: [{ kind: "kl", from: "source" }],
    }),
  ],
  [
    "draws",
    (prompt) => ({
      source: { prompt },
      target,
      read: { ...generate, decoding: { temperature: 1 } },
    }),
  ],
  [
    "a named source",
    (prompt) => ({
      source: { prompt },
      sources: { other: { prompt: "the mat" } },
      mapping: { kind: "difference", with: ["other"] },
      target,
      read: generate,
    }),
  ],
];

test.each(CASES)("%s are those of each spec alone", async (_, of) => {
  await expectSame(specs(of));
});

test("Specs of all kinds together come in their order", async () => {
  const mixed = CASES.map(([, of]) => specs(of));
  await expectSame(TEXTS.flatMap((_, index) => mixed.flatMap((each) => each[index] ?? [])));
});

test("Specs that ask the same are few passes", async () => {
  const passes: Record<"one" | "many", Pass[]> = { one: [], many: [] };
  const { model, engine } = tiny();
  const controls = [
    "unpatched",
    "unrelated",
    { kind: "text-only", prompt: "the dog sat" },
  ] as const;
  const all = Array.from({ length: 40 }, (_, index) =>
    specOf({ source: { prompt: `the cat ${index}` }, target, read: generate, controls }),
  );
  const [first] = all;
  if (first === undefined) throw new Error("there is a spec");
  await runSpec(first, { model, engine: counting(engine, passes.one) });
  const results = runMany(all, { model, engine: counting(engine, passes.many) });
  let count = 0;
  for await (const result of results) count += result.cells.length;
  expect(count).toBe(40 * 2 * tiny().model.architecture.layers);
  // Forty times as many rows, and not twice the passes for each.
  expect(passes.many.length).toBeLessThan(6 * passes.one.length);
});

test("A spec that cannot run is refused with its issue", async () => {
  const bad = specOf({
    source: { prompt: "the cat", position: { find: "horse" } },
    target,
    read: generate,
  });
  const [good] = specs((prompt) => ({ source: { prompt }, target, read: generate }));
  if (good === undefined) throw new Error("there is a spec");
  const results = runMany([good, bad], tiny());
  await expect(results.next()).rejects.toMatchObject({ code: "spec-invalid" });
});

test("What is stopped stops", async () => {
  const stop = new AbortController();
  const results = runMany(
    specs((prompt) => ({ source: { prompt }, target, read: generate })),
    tiny(),
    { signal: stop.signal },
  );
  stop.abort();
  await expect(results.next()).rejects.toMatchObject({ code: "aborted" });
});

test("Results that are there already are not given again, and the others have the same numbers", async () => {
  const all = specs((prompt) => ({ source: { prompt }, target, read: generate }));
  const of = async (skip?: number): Promise<readonly PatchscopeResult[]> => {
    const given: PatchscopeResult[] = [];
    const results = runMany(all, tiny(), { skip });
    for await (const result of results) given.push({ ...result, timing: { loadMs: 0, runMs: 0 } });
    return given;
  };
  const whole = await of();
  for (const skip of [1, 3, all.length]) expect(await of(skip)).toEqual(whole.slice(skip));
});

describe("Specs with targets of their own", () => {
  const all = Array.from({ length: 60 }, (_, index) => ({
    source: { prompt: TEXTS[index % TEXTS.length] ?? "" },
    target: { ...target, prompt: `the ${"old ".repeat(index % 4)}dog x ${index}` },
    read: generate,
  }));
  const resultsOf = async (skip?: number): Promise<readonly PatchscopeResult[]> => {
    const given: PatchscopeResult[] = [];
    for await (const result of runMany(all.map(specOf), tiny(), { skip })) {
      given.push({ ...result, timing: { loadMs: 0, runMs: 0 } });
    }
    return given;
  };

  test("say what each says alone", async () => {
    await expectSame(all.slice(0, 20).map(specOf));
  });

  test("are given as soon as they are known, and have the same numbers where others are there", async () => {
    const whole = await resultsOf();
    expect(whole).toHaveLength(all.length);
    for (const skip of [1, 29, 59]) expect(await resultsOf(skip)).toEqual(whole.slice(skip));
    const passes: Pass[] = [];
    const counted = { model: tiny().model, engine: counting(tiny().engine, passes) };
    const results = runMany(all.map(specOf), counted);
    await results.next();
    const first = passes.length;
    while ((await results.next()).done !== true) continue;
    expect(first).toBeLessThan(passes.length / 2);
    expect(passes.length).toBeLessThan(all.length * 2);
  });

  test("share passes in as much memory as there is, and say the same in little", async () => {
    const sizes = tiny().engine.architecture;
    const plans = all.map((spec) => planSpec(specOf(spec), tiny().model));
    const least = leastMemory((memory) => plans.map((plan) => limitsWithin(memory, plan, sizes)));
    const passesIn = async (memory?: number): Promise<number> => {
      const passes: Pass[] = [];
      const counted = { model: tiny().model, engine: counting(tiny().engine, passes) };
      const results = runMany(all.map(specOf), counted, { memory });
      let at = 0;
      for await (const { cells } of results) {
        const wanted = whole[at++]?.cells ?? [];
        for (const [index, cell] of wanted.entries()) sameCell(cells[index], cell);
      }
      expect(at).toBe(all.length);
      return passes.length;
    };
    const whole = await resultsOf();
    const passes = [];
    for (const memory of [least, least * 1.02, least * 1.2, least * 100, undefined]) {
      passes.push(await passesIn(memory));
    }
    expect(passes).toEqual(passes.toSorted((a, b) => b - a));
    expect(passes[0]).toBeGreaterThan(4 * (passes[2] ?? Infinity));
    expect(passes[3]).toBe(passes[4]);
  });

  test("are never given more memory than there is", () => {
    const sizes = tiny().engine.architecture;
    const plans = all.map((spec) => planSpec(specOf(spec), tiny().model));
    fc.assert(
      fc.property(
        fc.subarray(plans, { minLength: 1 }),
        fc.double({ min: 1e6, max: 1e9, noNaN: true }),
        fc.double({ min: 1, max: 3, noNaN: true }),
        (some, memory, times) => {
          const given = memoryTogether(memory, some, sizes);
          const more = memoryTogether(memory * times, some, sizes);
          if (given === undefined) return;
          expect(more?.passes.maxTokens).toBeGreaterThanOrEqual(given.passes.maxTokens);
          const rows = some.map((plan, index) => {
            const limits = limitsWithin(given.each[index], plan, sizes);
            expect(limits?.maxTokens).toBeLessThanOrEqual(given.passes.maxTokens);
            expect(limits?.maxRows).toBeGreaterThan(plan.cells.length);
            return plan.cells.length + 1;
          });
          // One of them alone has room for the rows of all.
          const [first] = some;
          const alone = first && limitsWithin(memory, first, sizes);
          const tokens = some.map(tokensOfRow);
          const least = rows.reduce((sum, count) => sum + count, 0) * Math.min(...tokens);
          expect((alone?.maxRows ?? 0) * Math.max(...tokens)).toBeGreaterThan(least);
        },
      ),
    );
  });
});

test("What is done is told while it runs, and never falls back", async () => {
  const told: number[] = [];
  const all = specs((prompt) => ({ source: { prompt }, target, read: generate }));
  const onProgress = (done: number): void => void told.push(done);
  const results = runMany(all, tiny(), { onProgress, skip: 2 });
  while ((await results.next()).done !== true) continue;
  expect(told).toEqual(told.toSorted((a, b) => a - b));
  expect(told.some((done) => done > 2 && done < all.length)).toBe(true);
  expect(told.at(-1)).toBe(all.length);
});

test("What many specs take is counted as it is run", async () => {
  const all = CASES.flatMap(([, of]) => specs(of));
  const plans = async function* (): AsyncGenerator<Plan> {
    for (const spec of all) yield Promise.resolve(planSpec(spec, tiny().model));
  };
  const counts = await countMany(plans());
  const cells = all.reduce((sum, spec) => sum + planSpec(spec, tiny().model).cells.length, 0);
  expect(counts).toMatchObject({ plans: all.length, cells });
  expect(counts.passes).toBeLessThan(all.length);
});

async function expectSame(all: readonly PatchscopeSpec[]): Promise<void> {
  const on = tiny();
  const together: PatchscopeResult[] = [];
  for await (const result of runMany(all, on)) together.push(result);
  expect(together).toHaveLength(all.length);
  for (const [index, spec] of all.entries()) {
    const alone = await runSpec(spec, on);
    const result = together[index];
    expect({ ...result, cells: [], controls: {}, timing: {} }).toEqual({
      ...{ ...alone, cells: [], controls: {}, timing: {} },
    });
    expect(Object.keys(result?.controls ?? {})).toEqual(Object.keys(alone.controls));
    expect(result?.cells).toHaveLength(alone.cells.length);
    for (const [at, cell] of alone.cells.entries()) sameCell(result?.cells[at], cell);
  }
}

/** The same places, tokens and numbers; rows of other batches round differently in the last digits. */
function sameCell(got: CellRecord | undefined, wanted: CellRecord): void {
  expect(shapeOf(got)).toEqual(shapeOf(wanted));
  expectNear(numbersOf(got), numbersOf(wanted), 1e-4);
}

function shapeOf(cell: CellRecord | undefined): unknown {
  return JSON.parse(JSON.stringify(cell), (_, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? 0 : value,
  );
}

function numbersOf(value: unknown): number[] {
  if (typeof value === "number") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}
