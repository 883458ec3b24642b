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
const { cases } = z
  .object({
    cases: z.array(
      z.object({
        checkpoint: z.string(),
        source: tokens,
        target: tokens,
        layers: z.tuple([z.int(), z.int()]),
        logits: z.array(z.number()),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "pair.json"), "utf8")));
const CHECKPOINTS = [...new Set(cases.map(({ checkpoint }) => checkpoint))];

type Case = (typeof cases)[number];

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
