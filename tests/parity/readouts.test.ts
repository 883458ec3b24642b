/** Read-outs other than texts, on every engine, against what transformers computes on the same checkpoints. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import type { Model } from "../../src/models/model.ts";
import type { CellRecord } from "../../src/result/result.ts";
import { readBack } from "../../src/run/round-trip.ts";
import { planSpec, runSpec } from "../../src/run/run-spec.ts";
import { capturePrompts } from "../../src/run/vectors.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { expectClose } from "../support/closeness.ts";
import { readFloatArrays } from "../support/float-arrays.ts";
import { FIXTURES, readGolden } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";
import { ENGINES, type EngineUnderTest } from "./golden.ts";

/** See make_readouts.py. */
const EXPECTED = readFloatArrays(join(FIXTURES, "readouts.safetensors"));
const NAMES = [...EXPECTED.keys()]
  .filter((key) => key.endsWith(".difference"))
  .map((key) => key.slice(0, -".difference".length));

test("there are checkpoints to compare with", () => {
  expect(NAMES).toContain("gemma2");
});

describe.each(ENGINES)("on the $name engine", (engine) => {
  test.each(NAMES)(
    "%s moves as far as in PyTorch behind each block, at each token",
    async (name) => {
      const [cell] = await cellsOf(name, engine, (tokens) => ({
        source: { position: -1, layer: 1, tokens },
        target: { position: 1, layer: 0, tokens: tokens.toReversed() },
        read: { kind: "propagation" },
      }));
      const { propagation } = cell ?? {};
      for (const measure of ["difference", "cosine", "kl"] as const) {
        const got = Float32Array.from(propagation?.[measure].flat() ?? []);
        expectClose(got, expected(`${name}.${measure}`), engine.tolerance);
      }
    },
  );
});

describe("the nearest rows are PyTorch's", () => {
  const [engine] = ENGINES;
  assert(engine, "there is an engine");
  test.each(NAMES.flatMap((name) => [[name, "input"] as const, [name, "output"] as const]))(
    "of %s's %s embedding",
    async (name, of) => {
      const cells = await cellsOf(name, engine, (tokens) => ({
        source: { position: -1, tokens },
        target: { prompt: "same" },
        read: { kind: "neighbours", topK: 5, of },
      }));
      const got = cells.flatMap(({ neighbours = [] }) =>
        neighbours.flatMap(({ token, cosine }) => [token, cosine]),
      );
      const numbers = expected(`${name}.${of}`);
      const part = (of: readonly number[], at: number): number[] =>
        of.filter((_, index) => index % 2 === at);
      expect(part(got, 0)).toEqual(part([...numbers], 0));
      expectClose(Float32Array.from(part(got, 1)), Float32Array.from(part([...numbers], 1)), 1e-5);
    },
  );
});

describe.each(ENGINES)("against the prior on the $name engine", (engine) => {
  test.each(NAMES)("%s takes the tokens that PyTorch takes", async (name) => {
    const [cell] = await cellsOf(name, engine, (tokens) => ({
      source: { position: -1, layer: 1, tokens },
      target: { position: 1, layer: 0, tokens: tokens.toReversed() },
      read: { maxTokens: 8, ignoreEos: true, decoding: { contrast: {} } },
    }));
    const numbers = [...expected(`${name}.contrast`)];
    expect(cell?.tokens).toEqual(numbers.filter((_, index) => index % 2 === 0));
    const logprobs = numbers.filter((_, index) => index % 2 === 1);
    expectClose(
      Float32Array.from(cell?.logprobs ?? []),
      Float32Array.from(logprobs),
      engine.tolerance,
    );
  });
});

describe("round trips come as near as PyTorch's", () => {
  const [engine] = ENGINES;
  assert(engine, "there is an engine");
  test.each(NAMES)("in %s", async (name) => {
    const { layers, cosines } = await tripsIn(name, engine);
    expect(layers).toBeGreaterThan(1);
    expectClose(Float32Array.from(cosines), expected(`${name}.trip`), 1e-5);
  });
});

/** Texts stand for tokens here: the checkpoints have no tokenizers. */
async function tripsIn(
  name: string,
  { create }: EngineUnderTest,
): Promise<{ readonly layers: number; readonly cosines: readonly number[] }> {
  const model = await openGolden(join(FIXTURES, "tiny", name));
  const engine = await create(model);
  try {
    const tokens = longestCase(name);
    const spec = parseSpec({
      version: 1,
      source: { model: name, tokens },
      target: { prompt: "same" },
      controls: [],
    });
    const sentences = [tokens.slice(0, 3), tokens.slice(2)];
    const plan = {
      ...planSpec(spec, { ...model, tokenizer: undefined }),
      baseline: sentences.map((of) => ({ prompt: "", tokens: of, position: of.length - 1 })),
    };
    const [source] = await capturePrompts(engine, [tokens], plan.capture.states);
    assert(source, "the source is read");
    const texts = plan.cells.map(() => ": backwards");
    const encode = (text: string): readonly number[] =>
      text === "backwards" ? tokens.toReversed() : [];
    const trips = await readBack(texts, { plan, engine, source, encode });
    const cosines = trips.flatMap((trip) => [
      trip?.cosine ?? NaN,
      ...(trip?.unrelated ?? []),
      trip?.centred ?? NaN,
    ]);
    return { layers: trips.length, cosines };
  } finally {
    await engine.dispose();
    await model.close();
  }
}

function longestCase(name: string): readonly number[] {
  return readGolden(join(FIXTURES, "tiny", name))
    .cases.map((each) => each.tokens)
    .reduce((longest, each) => (each.length > longest.length ? each : longest));
}

function expected(key: string): Float32Array {
  const array = EXPECTED.get(key)?.data;
  assert(array, "the fixture has the array");
  return array;
}

interface Fields {
  readonly source: object;
  readonly target: object;
  readonly read: object;
}

/** Runs a spec on the tokens of a checkpoint's longest case. */
async function cellsOf(
  name: string,
  { create }: EngineUnderTest,
  fieldsOf: (tokens: readonly number[]) => Fields,
): Promise<readonly CellRecord[]> {
  const folder = join(FIXTURES, "tiny", name);
  const tokens = longestCase(name);
  const { source, target, read } = fieldsOf(tokens);
  const spec = parseSpec({
    version: 1,
    source: { model: name, ...source },
    target,
    read,
    controls: [],
  });
  const model: Model = await openGolden(folder);
  const engine: Engine = await create(model);
  try {
    return (await runSpec(spec, { model, engine })).cells;
  } finally {
    await engine.dispose();
    await model.close();
  }
}
