/** `compat: pair` against a computation in PyTorch that is written like the paper's code. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert, PatchscopesError } from "../../src/errors.ts";
import type { Model } from "../../src/models/model.ts";
import type { PatchscopeResult } from "../../src/result/result.ts";
import { runSpec, type ReadyModel } from "../../src/run/run-spec.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { FIXTURES } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";

const tokens = z.array(z.int());
const twice = z.tuple([z.int(), z.int()]);
const one = z.object({
  checkpoint: z.string(),
  source: tokens,
  target: tokens,
  layers: twice,
  logits: z.array(z.number()),
});
const row = one.extend({ padding: twice, positions: twice, generated: tokens });
const { cases, batches } = z
  .object({ cases: z.array(one), batches: z.array(row) })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "pair.json"), "utf8")));
const CHECKPOINTS = [...new Set(cases.map(({ checkpoint }) => checkpoint))];

type Case = (typeof cases)[number];
type BatchRow = (typeof batches)[number];

const loaded = new Map<string, ReadyModel & { readonly model: Model }>();

beforeAll(async () => {
  for (const name of CHECKPOINTS) {
    const model = await openGolden(join(FIXTURES, "tiny", name));
    loaded.set(name, { model, engine: await createReferenceEngine(model) });
  }
});

afterAll(async () => {
  for (const { engine, model } of loaded.values()) {
    await engine.dispose();
    await model.close();
  }
});

function readyModel(name: string): ReadyModel & { readonly model: Model } {
  const found = loaded.get(name);
  assert(found, "the checkpoint was loaded");
  return found;
}

function run(given: Case, more: object = {}, on?: ReadyModel): Promise<PatchscopeResult> {
  const [from, to] = given.layers;
  const spec = parseSpec({
    version: 1,
    source: { model: "tiny", tokens: given.source, position: -2, layer: from },
    target: { tokens: given.target, position: -1, layer: to },
    read: { kind: "next-token", topK: given.logits.length },
    controls: [],
    compat: "pair",
    ...more,
  });
  return runSpec(spec, on ?? readyModel(given.checkpoint));
}

/** The largest difference of a log-probability from PyTorch's. */
function distance({ cells }: PatchscopeResult, logits: readonly number[]): number {
  const top = Math.max(...logits);
  const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit - top), 0)) + top;
  const next = cells[0]?.next ?? [];
  expect(next).toHaveLength(logits.length);
  return Math.max(
    ...next.map(({ token, logprob }) => Math.abs(logprob - ((logits[token] ?? NaN) - sum))),
  );
}

const isQuirk = ({ target, layers: [from, to] }: Case, last: number): boolean =>
  target.length === 1 || (from === last && to < last);

describe.each(CHECKPOINTS)("%s", (name) => {
  const own = cases.filter(({ checkpoint }) => checkpoint === name);
  const last = Math.max(...own.map(({ layers }) => layers[0]));

  test("says what the paper's code says, with every pair of layers and a target of one token", async () => {
    for (const each of own) expect(distance(await run(each), each.logits)).toBeLessThan(1e-4);
  });

  test("says it without compat too, but for the code's quirks", async () => {
    for (const each of own) {
      const off = distance(await run(each, { compat: undefined }), each.logits);
      if (isQuirk(each, last)) expect(off).toBeGreaterThan(1e-3);
      else expect(off).toBeLessThan(1e-4);
    }
  });
});

/** The first row of a batch, as the paper's code fills it up on the left. */
function runRow(given: BatchRow): Promise<PatchscopeResult> {
  const [from, to] = given.layers;
  const [sourceAt, targetAt] = given.positions;
  const [source, target] = given.padding;
  const topK = given.logits.length;
  return run(given, {
    source: { model: "tiny", tokens: given.source, position: sourceAt, layer: from },
    target: { tokens: given.target, position: targetAt, layer: to },
    read:
      given.generated.length === 0
        ? { kind: "next-token", topK }
        : { kind: "generate", maxTokens: given.generated.length, topK },
    compat: { kind: "pair", padding: { source, target } },
  });
}

describe.each(CHECKPOINTS)("A row of a padded batch of %s", (name) => {
  const own = batches.filter(({ checkpoint }) => checkpoint === name);

  test("says next what it says without padding, at positions counted from the padding on", async () => {
    for (const each of own.filter(({ generated }) => generated.length === 0)) {
      expect(distance(await runRow(each), each.logits)).toBeLessThan(1e-4);
    }
  });

  test("generates what follows the padding, which it reads", async () => {
    for (const each of own.filter(({ generated }) => generated.length > 0)) {
      const result = await runRow(each);
      expect(distance(result, each.logits)).toBeLessThan(1e-4);
      expect(result.target.tokens).toHaveLength(each.padding[1] + each.target.length);
      const said = result.cells[0]?.tokens ?? [];
      expect(said).toEqual(each.generated.slice(0, said.length));
      // Rows that have ended wait for the others, with end tokens.
      expect(each.generated.slice(said.length).every((token) => token === said.at(-1))).toBe(true);
    }
  });
});

async function messageOf(act: Promise<unknown>): Promise<string> {
  const error: unknown = await act.catch((reason: unknown) => reason);
  if (error instanceof PatchscopesError) return error.message;
  throw new Error("it was not refused");
}

describe("What the code cannot do", () => {
  const [given] = cases;
  assert(given, "there are cases");
  const last: Case = { ...given, layers: [2, 2] };

  test("a mapping between the last layer and itself is refused", async () => {
    expect(await messageOf(run(last, { mapping: { kind: "scale", factor: 2 } }))).toContain(
      "compat: with compat: pair a state of the last layer that is written at the last layer (2)",
    );
  });

  test("a model that shows no norm is refused", async () => {
    const { engine, model } = readyModel(given.checkpoint);
    const { architecture, tokenizer, endTokens, name } = model;
    const weightsHash = (): Promise<string> => model.weightsHash();
    const bare = { architecture, tokenizer, endTokens, name, weightsHash };
    expect(await messageOf(run(given, {}, { model: bare, engine }))).toContain("final norm");
  });

  test("a target of one token is said not to be patched", async () => {
    const { warnings } = await run({ ...given, target: [3] });
    expect(warnings.map(({ code }) => code)).toContain("compat-one-token");
  });
});
