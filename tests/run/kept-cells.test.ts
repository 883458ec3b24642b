/** A run that was stopped goes on from its cells, and one with little memory says the same as one with much. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Pass } from "../../src/engine/engine.ts";
import type { PatchscopeResult } from "../../src/result/result.ts";
import type { CellOutput, ReadyCell } from "../../src/run/run-plan.ts";
import { planSpec, runSpec, type CellStore } from "../../src/run/run-spec.ts";
import { limitsWithin } from "../../src/run/memory.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import type { PatchscopeSpec } from "../../src/spec/spec.ts";
import { counting } from "../support/counting-engine.ts";
import { useTinyModel } from "../support/tiny-model.ts";
import { leastMemory } from "./least-memory.ts";

const tiny = useTinyModel("llama-gguf");

function specOf(fields: object): PatchscopeSpec {
  return parseSpec({
    version: 1,
    source: {
      model: tiny().model.name,
      prompt: "the cat sat on the mat",
      position: "all",
      layer: "all",
    },
    target: { prompt: "the dog x", position: { find: "x" }, layer: "all" },
    ...fields,
  });
}

const READS: readonly (readonly [string, object])[] = [
  ["texts with evidence", { read: { kind: "generate", maxTokens: 3, ignoreEos: true } }],
  ["texts", { read: { kind: "generate", maxTokens: 3, ignoreEos: true }, controls: [] }],
  ["next tokens", { read: { kind: "next-token" } }],
];

/** Keeps cells as a file would: as JSON. Stops the run when so many have been kept. */
class Kept implements CellStore {
  readonly cells = new Map<number, string>();
  key = "";
  readonly #stopAt: number;
  readonly #stop: AbortController;

  constructor(stopAt = Infinity, stop = new AbortController()) {
    this.#stopAt = stopAt;
    this.#stop = stop;
  }

  open(key: string): Promise<ReadonlyMap<number, CellOutput>> {
    if (this.key !== "") expect(key).toBe(this.key);
    this.key = key;
    return Promise.resolve(
      new Map(Array.from(this.cells, ([index, cell]) => [index, JSON.parse(cell) as CellOutput])),
    );
  }

  keep(cells: readonly ReadyCell[]): void {
    for (const { index, output } of cells) this.cells.set(index, JSON.stringify(output));
    if (this.cells.size >= this.#stopAt) this.#stop.abort();
  }
}

/** Numbers to three digits behind the point: rows side by side with others round differently in the last ones. */
function rounded({ timing: _, ...result }: PatchscopeResult): unknown {
  return JSON.parse(JSON.stringify(result), (__, value: unknown) =>
    typeof value === "number" ? Math.round(value * 1e3) / 1e3 : value,
  );
}

test.each(READS)("Stopped anywhere, %s go on to the same result", async (_, fields) => {
  const spec = specOf(fields);
  const whole = rounded(await runSpec(spec, tiny()));
  for (const stopAt of [1, 17, 20]) {
    const stop = new AbortController();
    const kept = new Kept(stopAt, stop);
    const first = runSpec(spec, tiny(), { signal: stop.signal, store: kept });
    // What is complete in one pass cannot be stopped behind it.
    await first.catch((error: unknown) => {
      expect(error).toMatchObject({ code: "aborted" });
    });
    const before = kept.cells.size;
    expect(before).toBeGreaterThanOrEqual(stopAt);
    const again = new Kept();
    again.key = kept.key;
    for (const [index, cell] of kept.cells) again.cells.set(index, cell);
    expect(rounded(await runSpec(spec, tiny(), { store: again }))).toEqual(whole);
  }
});

test("What is known is not run again", async () => {
  const spec = specOf({ read: { kind: "generate", maxTokens: 3, ignoreEos: true } });
  const passes: Pass[] = [];
  const on = { model: tiny().model, engine: counting(tiny().engine, passes) };
  const rowsOf = (some: readonly Pass[]): number =>
    some.reduce((sum, pass) => sum + (pass.kind === "prefill" ? pass.rows.length : 0), 0);
  const kept = new Kept();
  const first = await runSpec(spec, on, { store: kept });
  const wholly = rowsOf(passes.splice(0));
  const again = await runSpec(spec, on, { store: kept });
  const rows = rowsOf(passes);
  expect(rounded(again)).toEqual(rounded(first));
  // The source, the target, the target without a patch and the controls' sentences are left.
  expect(rows).toBeLessThan(16);
  expect(rows).toBeLessThan(wholly / 10);
});

test.each(READS)("With little memory %s are the same", async (_, fields) => {
  const spec = specOf(fields);
  const plan = planSpec(spec, tiny().model);
  const least = leastMemory((memory) => limitsWithin(memory, plan, tiny().engine.architecture));
  const whole = rounded(await runSpec(spec, tiny()));
  for (const memory of [least, least * 1.5]) {
    expect(rounded(await runSpec(spec, tiny(), { memory }))).toEqual(whole);
  }
  await expect(runSpec(spec, tiny(), { memory: least * 0.9 })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringMatching(/takes at least \d+ MB beside the model/u) as string,
  });
});

test("More memory never means fewer rows, and passes are never larger than is fast", () => {
  const plan = planSpec(specOf({ read: { kind: "generate", maxTokens: 20 } }), tiny().model);
  const limits = (memory: number) => limitsWithin(memory, plan, tiny().engine.architecture);
  const least = leastMemory(limits);
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 1e4, noNaN: true }),
      fc.double({ min: 1, max: 10, noNaN: true }),
      (times, more) => {
        const [a, b] = [limits(least * times), limits(least * times * more)];
        expect(b?.maxRows).toBeGreaterThanOrEqual(a?.maxRows ?? Infinity);
        expect(b?.maxTokens).toBeGreaterThanOrEqual(a?.maxTokens ?? Infinity);
        expect(b?.maxTokens).toBeLessThanOrEqual(1024);
      },
    ),
  );
});
