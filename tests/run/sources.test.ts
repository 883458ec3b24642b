/** Vectors from several states and from files, from the spec to the result, against PyTorch and against runs of their own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert, PatchscopesError } from "../../src/errors.ts";
import { readVectors } from "../../src/mapping/vector-file.ts";
import type { Model } from "../../src/models/model.ts";
import {
  writeSafetensors,
  type OutputTensor,
} from "../../src/models/weights/safetensors-writer.ts";
import type { PatchscopeResult } from "../../src/result/result.ts";
import { captureStates } from "../../src/run/capture.ts";
import { runSpec, type ReadyModel } from "../../src/run/run-spec.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { FIXTURES } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";

const side = z.record(z.string(), z.unknown());
const fixture = z
  .object({
    cases: z.array(
      z.object({
        checkpoint: z.string(),
        spec: z.looseObject({ source: side, target: side }),
        logits: z.array(z.number()),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "sources.json"), "utf8")));

const CHECKPOINT = "llama-gqa";
const PROMPT = [5, 17, 9, 30, 12];
const loaded = new Map<string, ReadyModel & { readonly model: Model }>();

beforeAll(async () => {
  for (const name of new Set(fixture.cases.map(({ checkpoint }) => checkpoint))) {
    const model = await openGolden(join(FIXTURES, "tiny", name));
    loaded.set(`${name} reference`, { model, engine: await createReferenceEngine(model) });
    loaded.set(`${name} onnx`, { model, engine: await createOnnxEngine(model, { threads: 1 }) });
  }
});

afterAll(async () => {
  for (const { engine } of loaded.values()) await engine.dispose();
  for (const model of new Set([...loaded.values()].map((each) => each.model))) await model.close();
});

function modelOf(name = CHECKPOINT, engine = "onnx"): ReadyModel & { readonly model: Model } {
  const found = loaded.get(`${name} ${engine}`);
  assert(found, "the checkpoint was loaded");
  return found;
}

function run(
  spec: { readonly source: object; readonly [field: string]: unknown },
  { on = modelOf(), files = {} }: RunWith = {},
): Promise<PatchscopeResult> {
  const full = { version: 1, controls: [], read: NEXT, ...spec };
  const source = { model: "tiny", ...spec.source };
  return runSpec(parseSpec({ ...full, source }), on, {
    vectors: async (file, tensor) => {
      const bytes = files[file];
      if (bytes === undefined) throw new Error(`there is no file ${file}`);
      return readVectors(file, bytes, tensor);
    },
  });
}

interface RunWith {
  readonly on?: ReadyModel;
  readonly files?: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

const NEXT = { kind: "next-token", topK: 80 };

/** Log-probabilities of the first cell, in the order of token ids. */
function logprobsOf({ cells }: PatchscopeResult, cell = 0): number[] {
  const next = [...(cells[cell]?.next ?? [])].sort((a, b) => a.token - b.token);
  return next.map(({ logprob }) => logprob);
}

function expectClose(got: readonly number[], expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  for (const [index, value] of got.entries()) {
    expect(Math.abs(value - (expected[index] ?? NaN))).toBeLessThan(1e-4);
  }
}

describe.each(["reference", "onnx"])("On the %s engine, PyTorch says the same", (engine) => {
  test.each(fixture.cases)("$checkpoint $spec", async ({ checkpoint, spec, logits }) => {
    const on = modelOf(checkpoint, engine);
    const result = await run(
      { ...spec, read: { kind: "next-token", topK: logits.length } },
      { on },
    );
    const top = Math.max(...logits);
    const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit - top), 0)) + top;
    expectClose(
      logprobsOf(result),
      logits.map((logit) => logit - sum),
    );
  });
});

function bytesOf(
  tensors: readonly OutputTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(writeSafetensors(tensors, metadata)));
}

/** What `patchscopes capture` writes. */
async function captured(
  layers: readonly (number | "embedding")[],
  site = "resid_post",
): Promise<Uint8Array<ArrayBuffer>> {
  const { engine } = modelOf();
  const read = await captureStates(engine, { tokens: PROMPT, site, layers });
  return bytesOf(
    [
      { name: site, shape: read.shape, data: read.states },
      { name: "logits", shape: [PROMPT.length, 32], data: read.logits.slice(0, 160) },
      { name: "tokens", shape: [PROMPT.length], data: Int32Array.from(PROMPT) },
    ],
    { site, layers: JSON.stringify(layers) },
  );
}

const target = { tokens: [7, 11, 4], layer: "same" };

describe("Vectors from a file", () => {
  test.each<readonly [string, string, readonly (number | "embedding")[], object]>([
    ["all layers", "resid_post", [0, 1, 2], {}],
    ["some layers and positions", "resid_post", [0, 2], { position: [1, -1], layer: [0, 2] }],
    ["the embedding", "resid_post", ["embedding", 1], { layer: ["embedding", 1], position: 2 }],
    ["another site", "mlp_out", [1], { layer: 1, position: { from: 1, to: 3 } }],
  ])("as capture writes it: %s are those of a run", async (_, site, layers, of) => {
    const files = { v: await captured(layers, site) };
    const to = { ...target, site };
    const fromRun = await run({ source: { tokens: PROMPT, site, ...of }, target: to });
    const fromFile = await run({ source: { file: "v", ...of }, target: to }, { files });
    expect(fromFile.cells).toEqual(fromRun.cells);
    expect(fromFile.source).toEqual(fromRun.source);
  });

  test("of one vector go to every layer, and are of the layer that they are written at", async () => {
    const states = await captured([1]);
    const { data, shape } = await readVectors("v", states);
    const hiddenSize = shape.at(-1) ?? 0;
    const last = data.slice(-hiddenSize);
    const files = { v: bytesOf([{ name: "steer", shape: [hiddenSize], data: last }]) };
    const result = await run({ source: { file: "v" }, target }, { files });
    expect(result.cells.map(({ next: _, ...places }) => places)).toEqual(
      [0, 1, 2].map((layer) => ({
        source: { layer, position: 0 },
        target: { layer, position: 2 },
      })),
    );
    const fromRun = await run({
      source: { tokens: PROMPT, layer: 1 },
      target: { ...target, layer: [0, 1, 2] },
    });
    for (const cell of [0, 1, 2]) {
      expectClose(logprobsOf(result, cell), logprobsOf(fromRun, cell));
    }
    expect(result.source.tokens).toEqual([]);
  });

  test("have evidence, and controls that go through the same steps", async () => {
    const files = { v: await captured([0, 1, 2]) };
    const spec = {
      target,
      sources: { a: { tokens: [8, 3] } },
      mapping: [
        { kind: "difference", with: "a" },
        { kind: "scale", factor: [1, 2] },
      ],
      read: { kind: "generate", maxTokens: 4 },
      controls: ["unpatched", "random"],
    };
    const fromRun = await run({ source: { tokens: PROMPT }, ...spec });
    const fromFile = await run({ source: { file: "v" }, ...spec }, { files });
    expect(fromFile.cells).toEqual(fromRun.cells);
    expect(fromRun.cells.map(({ factor }) => factor)).toEqual([1, 2, 1, 2, 1, 2]);
    expect(fromRun.cells[0]?.logprobUnder?.random).not.toEqual(
      fromRun.cells[1]?.logprobUnder?.random,
    );
  });

  test("can be named by a mapping, at the layer of the state or at one of their own", async () => {
    const files = { v: await captured([0, 1, 2]) };
    const mapping = { kind: "interpolation", with: "a", amount: 0.5 };
    for (const layer of ["same", 1]) {
      const withSource = (a: object): Promise<PatchscopeResult> =>
        run(
          { source: { tokens: [8, 3] }, target, sources: { a: { ...a, layer } }, mapping },
          { files },
        );
      const [fromRun, fromFile] = [
        await withSource({ tokens: PROMPT }),
        await withSource({ file: "v" }),
      ];
      for (const cell of [0, 1, 2]) {
        expectClose(logprobsOf(fromFile, cell), logprobsOf(fromRun, cell));
      }
    }
  });
});

async function issuesOf(act: Promise<unknown>): Promise<string[]> {
  const error: unknown = await act.catch((reason: unknown) => reason);
  if (!(error instanceof PatchscopesError)) throw new Error("it was not refused");
  return error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("Files that do not fit are refused", () => {
  const zeros = (shape: readonly number[]): OutputTensor => ({
    name: "v",
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });

  test.each([
    [
      "another width",
      zeros([8]),
      {},
      {},
      "source.file: v holds vectors of 8 numbers; this model's states have 32",
    ],
    [
      "layers of no model",
      zeros([5, 32]),
      {},
      {},
      "source.layer: the file has 5 layers and does not say which; the model has 3",
    ],
    [
      "other layers",
      zeros([2, 32]),
      { layers: "[0,2]" },
      { layer: 1 },
      "source.layer: layer 1 is not in the file of vectors; it has 0, 2",
    ],
    [
      "fewer positions",
      zeros([3, 2, 32]),
      {},
      { position: 2 },
      "source.position: position 2 does not exist: the source prompt has 2 tokens, positions 0 to 1",
    ],
    [
      "another site",
      zeros([32]),
      { site: "mlp_out" },
      { site: "attn_out" },
      "source.site: the file of vectors holds mlp_out, not attn_out",
    ],
  ])("%s", async (_, tensor, metadata, source, message) => {
    const files = { v: bytesOf([tensor], metadata) };
    const spec = { source: { file: "v", ...source }, target };
    expect(await issuesOf(run(spec, { files }))).toEqual([message]);
  });

  test("that nobody reads, and a prompt that is not there", async () => {
    const spec = parseSpec({ version: 1, source: { model: "m", file: "v" }, target });
    expect(await issuesOf(runSpec(spec, modelOf()))).toContain(
      "source.file: the vectors of v were not loaded",
    );
    const files = { v: bytesOf([zeros([32])]) };
    expect(
      await issuesOf(run({ source: { file: "v" }, target: { prompt: "same" } }, { files })),
    ).toContain(
      "target.prompt: the source is a file of vectors without tokens, so there is no prompt to be the same",
    );
  });

  test("where a named one lacks a layer that is mapped", async () => {
    const files = { v: bytesOf([zeros([2, 32])], { layers: "[0,2]" }) };
    const spec = {
      source: { tokens: PROMPT },
      target,
      sources: { a: { file: "v" } },
      mapping: { kind: "difference", with: "a" },
    };
    expect(await issuesOf(run(spec, { files }))).toEqual([
      "sources.a.layer: layer 1 is not in the file of vectors; it has 0, 2",
    ]);
  });
});
