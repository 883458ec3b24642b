/** Fitted mappings from end to end: fitted on an engine, kept, read back, and run, against numpy and PyTorch. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert, PatchscopesError } from "../../src/errors.ts";
import type { FittedMapping, LoadedMapping } from "../../src/mapping/fitted-mapping.ts";
import { readMapping, writeMapping } from "../../src/mapping/mapping-file.ts";
import { FITTED_KINDS } from "../../src/map-kinds.ts";
import type { FittedMap } from "../../src/mapping/mapping.ts";
import type { Model } from "../../src/models/model.ts";
import type { PatchscopeResult } from "../../src/result/result.ts";
import { fitMapping, type FitRequest, type KeptSums } from "../../src/run/fit-mapping.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { sampleTexts } from "../../src/run/sample-texts.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { SITES } from "../../src/site.ts";
import { expectClose, relativeDifference } from "../support/closeness.ts";
import { FIXTURES } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";

const kind = z.enum(FITTED_KINDS);
const tokens = z.array(z.int());
const fixture = z
  .object({
    checkpoint: z.string(),
    texts: z.array(tokens),
    prompt: tokens,
    position: z.int(),
    rank: z.int(),
    fits: z.array(
      z.object({ source: z.int(), target: z.int(), kind, logits: z.array(z.number()) }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "mapping.json"), "utf8")));

let model: Model;
const engines = new Map<string, Engine>();

beforeAll(async () => {
  model = await openGolden(join(FIXTURES, "tiny", fixture.checkpoint));
  engines.set("reference", await createReferenceEngine(model));
  engines.set("onnx", await createOnnxEngine(model, { threads: 1 }));
});

afterAll(async () => {
  for (const engine of engines.values()) await engine.dispose();
  await model.close();
});

function engineOf(name: string): Engine {
  const engine = engines.get(name);
  assert(engine, "the engine was made");
  return engine;
}

function request(more: Partial<FitRequest> = {}): FitRequest {
  return {
    engine: engineOf("onnx"),
    texts: fixture.texts,
    heldOut: [fixture.prompt],
    layers: [0, 1],
    target: 2,
    kind: "affine",
    ridge: 0,
    ...more,
  };
}

async function fitted(more: Partial<FitRequest> = {}): Promise<FittedMapping> {
  const { pairs } = await fitMapping(request(more));
  const { layers, hiddenSize } = model.architecture;
  const weights = await model.weightsHash();
  return {
    kind: more.kind ?? "affine",
    model: { name: model.name, weights, layers, hiddenSize },
    site: "resid_post",
    pairs,
  };
}

/** A mapping that went through a file. */
async function kept(mapping: FittedMapping): Promise<LoadedMapping> {
  const bytes = new Uint8Array(Buffer.concat(writeMapping(mapping)));
  return readMapping("map.safetensors", bytes);
}

function specOf(
  layers: { readonly source: unknown; readonly target: unknown },
  more = {},
): unknown {
  return {
    version: 1,
    source: {
      model: model.name,
      tokens: fixture.prompt,
      position: fixture.position,
      layer: layers.source,
    },
    target: { prompt: "same", position: "same", layer: layers.target },
    read: { kind: "next-token", topK: model.architecture.vocabSize, position: "same" },
    controls: [],
    ...more,
  };
}

async function runWith(
  mapping: LoadedMapping | undefined,
  spec: unknown,
  engine = engineOf("onnx"),
): Promise<PatchscopeResult> {
  const mappings = mapping && (() => Promise.resolve(mapping));
  return runSpec(parseSpec(spec), { model, engine }, { mappings });
}

const throughFile = { mapping: { file: "map.safetensors" } };

/** Log-probabilities in the order of token ids. */
function logprobsOf({ cells }: PatchscopeResult): number[] {
  const next = [...(cells[0]?.next ?? [])].sort((a, b) => a.token - b.token);
  return next.map(({ logprob }) => logprob);
}

async function messageOf(act: Promise<unknown>): Promise<string> {
  const error: unknown = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PatchscopesError) return `${error.code} ${error.message}`;
  throw error instanceof Error ? error : new Error("nothing was thrown");
}

describe.each(["reference", "onnx"])("on the %s engine, maps change what PyTorch says", (name) => {
  test.each(fixture.fits)("$kind, $source > $target", async ({ source, target, kind, logits }) => {
    const engine = engineOf(name);
    const mapping = await kept(
      await fitted({ engine, layers: [source], target, kind, rank: fixture.rank }),
    );
    const result = await runWith(mapping, specOf({ source, target }, throughFile), engine);
    const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
    for (const [token, logprob] of logprobsOf(result).entries()) {
      expect(Math.abs(logprob - ((logits[token] ?? NaN) - sum))).toBeLessThan(1e-4);
    }
    expect(result.warnings).toEqual([]);
  });
});

function withMap(map: FittedMap, mapping: FittedMapping): FittedMapping {
  return { ...mapping, kind: map.kind, pairs: mapping.pairs.map((pair) => ({ ...pair, map })) };
}

describe("A mapping from a file", () => {
  test("that changes nothing gives the result of none, with generated texts and evidence too", async () => {
    const width = model.architecture.hiddenSize;
    const identity: FittedMap = {
      kind: "scalar-affine",
      factor: Float32Array.of(1),
      bias: new Float32Array(width),
    };
    const mapping = await kept(withMap(identity, await fitted()));
    const more = {
      read: { kind: "generate", maxTokens: 4 },
      controls: ["unpatched"],
      target: { tokens: [5, 6, 7], layer: 2 },
    };
    const spec = specOf({ source: [0, 1], target: 2 }, more);
    const [without, through] = [
      await runWith(undefined, spec),
      await runWith(mapping, { ...(spec as object), ...throughFile }),
    ];
    expect(through.cells).toEqual(without.cells);
    expect(through.cells[0]?.evidence).toBeDefined();
    expect(through.specHash).not.toBe(without.specHash);
  });

  test("stands in the hash by what it holds, and in the spec by its path", async () => {
    const mapping = await kept(await fitted());
    const other = await kept(await fitted({ kind: "scalar-affine" }));
    const run = (map: LoadedMapping, file: string): Promise<PatchscopeResult> =>
      runWith(map, specOf({ source: 0, target: 2 }, { mapping: { file } }));
    const first = await run(mapping, "a.safetensors");
    expect(first.spec.mapping).toEqual({ kind: "file", file: "a.safetensors" });
    expect((await run(mapping, "b.safetensors")).specHash).toBe(first.specHash);
    expect((await run(other, "a.safetensors")).specHash).not.toBe(first.specHash);
  });

  test("leaves a state that is written where it was read as it is", async () => {
    const mapping = await kept(await fitted());
    const result = await runWith(mapping, specOf({ source: "all", target: -1 }, throughFile));
    const [last] = await runWith(undefined, specOf({ source: -1, target: -1 })).then(
      ({ cells }) => cells,
    );
    expect(result.cells.at(-1)?.next).toEqual(last?.next);
  });

  test("without the pair of layers is refused, with the pairs that it has", async () => {
    const mapping = await kept(await fitted({ layers: [0] }));
    expect(await messageOf(runWith(mapping, specOf({ source: 1, target: 2 }, throughFile)))).toBe(
      "spec-invalid mapping.file: map.safetensors has no map from layer 1 (resid_post) to layer 2 (resid_post); it has 0 > 2 (resid_post)",
    );
  });

  test("of another width is refused", async () => {
    const mapping = await kept(await fitted());
    const other = { ...mapping, model: { ...mapping.model, hiddenSize: 64 } };
    expect(
      await messageOf(runWith(other, specOf({ source: 0, target: 2 }, throughFile))),
    ).toContain("maps states of 64 numbers (llama-gqa); this model's have 32");
  });

  test("of other weights is run, with a warning", async () => {
    const mapping = await kept(await fitted());
    const other = { ...mapping, model: { ...mapping.model, weights: "sha256:00" } };
    const { warnings } = await runWith(other, specOf({ source: 0, target: 2 }, throughFile));
    expect(warnings.map(({ code }) => code)).toEqual(["mapping-other-weights"]);
  });

  test("of another program is run to the last layer, with a warning that nobody knows its weights", async () => {
    const mapping = await kept(await fitted({ target: 1, layers: [0] }));
    const own = await kept(await fitted({ target: 2, layers: [0] }));
    const lens = {
      ...mapping,
      pairs: own.pairs.map((pair) => ({ ...pair, target: 1 })),
      model: { ...mapping.model, name: "not named", weights: "unknown", layers: 2 },
      foreign: { program: "Jacobian lens", toLast: true },
    };
    const spec = specOf({ source: 0, target: 2 }, throughFile);
    const result = await runWith(lens, spec);
    expect(result.cells).toEqual((await runWith(own, spec)).cells);
    expect(result.warnings).toMatchObject([{ code: "mapping-other-weights" }]);
    expect(result.warnings[0]?.message).toContain("does not say on which weights");
  });

  test("that nobody reads is refused", async () => {
    expect(
      await messageOf(runWith(undefined, specOf({ source: 0, target: 2 }, throughFile))),
    ).toContain("the mapping map.safetensors was not loaded");
  });
});

describe("An MLP", () => {
  const fit = (more: Partial<FitRequest> = {}): ReturnType<typeof fitMapping> =>
    fitMapping(request({ kind: "mlp", hidden: 16, layers: [0, 1], ...more }));

  test("is an affine map with a hidden layer, comes through a file, and follows from the seed", async () => {
    const { pairs } = await fit({ seed: 1 });
    const again = await fit({ seed: 1 });
    expect(again.pairs).toEqual(pairs);
    const mapping = await kept(await fitted({ kind: "mlp", hidden: 16, seed: 1 }));
    expect(mapping.pairs.map(({ map }) => map)).toEqual(pairs.map(({ map }) => map));
    expect((await fit({ seed: 2 })).pairs).not.toEqual(pairs);
  });

  test("starts from the affine map of the states that do not choose the epoch", async () => {
    const rows = fixture.texts.reduce((sum, text) => sum + text.length - 1, 0);
    let left = rows - Math.floor(rows / 10);
    const texts = fixture.texts.flatMap((text) => {
      const kept = text.slice(0, 1 + left);
      left -= kept.length - 1;
      return kept.length > 1 ? [kept] : [];
    });
    const affine = await fitMapping(request({ texts, ridge: 1e-3 }));
    const mlp = await fit({ ridge: 1e-3 });
    for (const [index, { map }] of mlp.pairs.entries()) {
      const start = affine.pairs[index]?.map;
      assert(map.kind === "mlp" && start?.kind === "affine", "maps are of the kinds asked for");
      expectClose(map.weight, start.weight, 1e-3);
    }
    const all = (await fitMapping(request({ ridge: 1e-3 }))).pairs[0]?.map;
    const [first] = mlp.pairs;
    assert(first?.map.kind === "mlp" && all?.kind === "affine", "maps are of the kinds asked for");
    expect(relativeDifference(first.map.weight, all.weight)).toBeGreaterThan(1e-3);
  });

  test("is not worse than the affine map where it was trained, and can be stopped while it is", async () => {
    const affine = await fitMapping(request({ heldOut: fixture.texts }));
    const mlp = await fit({ heldOut: fixture.texts });
    for (const [index, { scores }] of mlp.pairs.entries()) {
      expect(scores?.r2).toBeGreaterThan((affine.pairs[index]?.scores?.r2 ?? Infinity) - 0.01);
    }
    const stop = new AbortController();
    const onProgress: FitRequest["onProgress"] = ({ phase }) => {
      if (phase === "train") stop.abort();
    };
    expect(await messageOf(fit({ signal: stop.signal, onProgress }))).toMatch(/^aborted /u);
  });
});

describe("Fitting", () => {
  test.each([
    ["affine", "auto"],
    ["mlp", 1e-3],
  ] as const)(
    "of %s maps goes on from kept sums as if it had not been stopped",
    async (kind, ridge) => {
      const seen: KeptSums[] = [];
      const own = request({ kind, ridge, hidden: 4 });
      const onSums = (sums: KeptSums): Promise<void> =>
        Promise.resolve(void seen.push(structuredClone(sums)));
      const whole = await fitMapping({ ...own, onSums });
      expect(seen.length).toBeGreaterThan(2);
      expect(seen.at(-1)?.isAll).toBe(true);
      for (const stopped of [seen[0], seen.at(-2), seen.at(-1)]) {
        expect(stopped?.batches).toBeGreaterThan(0);
        expect(await fitMapping({ ...own, stopped })).toEqual(whole);
      }
    },
  );

  test("that is stopped has told of all layers of the last batch, or of none", async () => {
    const stop = new AbortController();
    const seen: KeptSums[] = [];
    const fit = fitMapping({
      ...request(),
      signal: stop.signal,
      rest: () => {
        stop.abort();
        return Promise.resolve();
      },
      onSums: (sums) => Promise.resolve(void seen.push(sums)),
    });
    expect(await messageOf(fit)).toMatch(/^aborted /u);
    const [sums] = seen;
    expect(sums?.batches).toBe(1);
    expect(new Set(sums?.moments.map(({ states }) => states)).size).toBe(1);
  });

  test("scores maps on held-out texts beside no map", async () => {
    const [texts, heldOut] = [fixture.texts.slice(0, 30), fixture.texts.slice(30)];
    const { pairs, states, heldOutStates } = await fitMapping(
      request({ layers: [1, 2], texts, heldOut }),
    );
    const statesIn = (some: readonly (readonly number[])[]): number =>
      some.reduce((sum, text) => sum + text.length - 1, 0);
    expect([states, heldOutStates]).toEqual([statesIn(texts), statesIn(heldOut)]);
    const [early, own] = pairs;
    // The target layer is mapped to itself, so all that is measured is perfect.
    expect(own?.identity).toMatchObject({ r2: 1, precision1: 1 });
    expect(own?.scores?.cosine).toBeCloseTo(1, 4);
    expect(own?.scores?.precision1).toBe(1);
    expect(early?.scores?.r2).toBeGreaterThan(early?.identity?.r2 ?? Infinity);
  });

  test("goes on through the blocks behind a target layer in the middle", async () => {
    const { pairs } = await fitMapping(request({ layers: [0, 1], target: 1 }));
    expect(pairs[1]?.identity).toMatchObject({ r2: 1, precision1: 1 });
  });

  test("reports its phases and can be stopped in each", async () => {
    const seen = new Set<string>();
    await fitMapping(request({ onProgress: ({ phase }) => seen.add(phase) }));
    expect([...seen]).toEqual(["read", "solve", "measure"]);
    for (const phase of seen) {
      const stop = new AbortController();
      const onProgress: FitRequest["onProgress"] = (event) => {
        if (event.phase === phase) stop.abort();
      };
      const message = await messageOf(fitMapping(request({ signal: stop.signal, onProgress })));
      expect(message).toMatch(/^aborted /u);
    }
  });

  test("makes products of the engine's own or plain ones, with the same maps", async () => {
    const [own, plain] = [
      await fitMapping(request()),
      await fitMapping(request({ engine: engineOf("reference") })),
    ];
    for (const [index, { scores }] of own.pairs.entries()) {
      expect(scores?.r2).toBeCloseTo(plain.pairs[index]?.scores?.r2 ?? NaN, 4);
    }
  });

  test("chooses a ridge for each map from some, and says which", async () => {
    const { pairs } = await fitMapping(request({ ridge: "auto" }));
    for (const { ridge } of pairs) expect([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]).toContain(ridge);
  });

  test.each(SITES)("maps %s, and a state to itself perfectly", async (site) => {
    const { pairs } = await fitMapping(request({ site, layers: [2], target: 2, ridge: 1e-4 }));
    expect(pairs[0]?.identity).toMatchObject({ r2: 1, precision1: 1 });
  });

  test("maps to states some tokens later, of which there are fewer", async () => {
    const heldOut = fixture.texts.slice(30);
    const near = await fitMapping(request({ heldOut }));
    const far = await fitMapping(request({ heldOut, ahead: 2 }));
    expect(far.states).toBe(near.states - 2 * fixture.texts.length);
    expect(far.heldOutStates).toBe(near.heldOutStates - 2 * heldOut.length);
    expect(far.pairs[0]?.scores?.r2).toBeLessThan(near.pairs[0]?.scores?.r2 ?? 0);
  });

  test("says so where the states do not determine the map", async () => {
    const texts = fixture.texts.slice(0, 2);
    expect(await messageOf(fitMapping(request({ texts })))).toMatch(
      /^usage The map from layer 0 cannot be fitted: \d+ states do not determine it/u,
    );
  });
});

test("Texts that the model writes follow from the seed, and end where it ends them", async () => {
  const sample = (seed: number, endTokens: readonly number[] = []): Promise<number[][]> =>
    sampleTexts({
      engine: engineOf("onnx"),
      start: 1,
      endTokens: new Set(endTokens),
      texts: 40,
      tokens: 12,
      seed,
    });
  const texts = await sample(3);
  expect(texts.map((text) => text.length)).toEqual(texts.map(() => 12));
  expect(new Set(texts.map((text) => text.join())).size).toBe(40);
  expect(await sample(3)).toEqual(texts);
  expect(await sample(4)).not.toEqual(texts);
  const end = texts[0]?.[5] ?? -1;
  expect((await sample(3, [end]))[0]).toEqual(texts[0]?.slice(0, texts[0].indexOf(end, 1)));
});
