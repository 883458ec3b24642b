/** Vectors of another network, from the spec to the result: their axes, the map that they need, and what they are held against. */
import { describe, expect, test } from "vitest";
import type { LoadedMapping } from "../../src/mapping/fitted-mapping.ts";
import { mapped, type FittedMap } from "../../src/mapping/mapping.ts";
import { readVectors } from "../../src/mapping/vector-file.ts";
import { writeSafetensors } from "../../src/models/weights/safetensors-writer.ts";
import type { PatchscopeResult } from "../../src/result/result.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { useTinyModel } from "../support/tiny-model.ts";

const on = useTinyModel("llama-gqa");

const [ITEMS, PLACES, WIDTH] = [5, 2, 7];

/** Numbers of no particular kind, the same every time. */
function numbers(count: number, of: number): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => Math.sin(of + 1.7 * at + 0.01 * at * at));
}

const IMAGES = numbers(ITEMS * PLACES * WIDTH, 1);

function vector(item: number, place = 0): Float32Array {
  const at = item * PLACES + place;
  return IMAGES.slice(at * WIDTH, (at + 1) * WIDTH);
}

function mapOf(width: number): FittedMap {
  const { hiddenSize } = on().model.architecture;
  return { kind: "affine", weight: numbers(hiddenSize * width, 2), bias: numbers(hiddenSize, 3) };
}

/** A map of that width to block 0 and to the embedding. */
function mapping(width = WIDTH): LoadedMapping {
  const { layers, hiddenSize } = on().model.architecture;
  return {
    ...{ file: "map", hash: "sha256:0", kind: "affine", site: "resid_post", anySource: true },
    model: { name: "an encoder", weights: "none", layers: 1, hiddenSize: width },
    target: { name: "tiny", weights: "none", layers, hiddenSize },
    pairs: ([0, "embedding"] as const).map((target) => ({
      ...{ source: "embedding", target, map: mapOf(width) },
    })),
  };
}

type Tensor = readonly [shape: readonly number[], data: Float32Array];

interface Files {
  readonly files?: Readonly<Record<string, Tensor>>;
  readonly map?: LoadedMapping;
}

const THROUGH_MAP = { mapping: { file: "map" } };
const TARGET = { tokens: [7, 11, 4, 9], position: 1, layer: 0 };
const GENERATED = { kind: "generate", maxTokens: 5, ignoreEos: true };

function run(
  fields: { readonly source: object; readonly [field: string]: unknown },
  { files = { v: [[ITEMS, PLACES, WIDTH], IMAGES] }, map = mapping() }: Files = {},
): Promise<PatchscopeResult> {
  const spec = { version: 1, target: TARGET, read: GENERATED, ...fields };
  const source = { model: "tiny", ...fields.source };
  return runSpec(parseSpec({ ...spec, source }), on(), {
    mappings: () => Promise.resolve(map),
    vectors: async (file) => {
      const [shape, data] = files[file] ?? [[], new Float32Array()];
      const parts = writeSafetensors([{ name: "states", shape, data }], {});
      return readVectors(file, new Uint8Array(Buffer.concat(parts)));
    },
  });
}

/** Vectors of the model's own width, which are what the map makes of the others. */
function ownFile(vectors: readonly Float32Array[]): Tensor {
  const states = vectors.map((each) => mapped(mapOf(WIDTH), each));
  const { hiddenSize } = on().model.architecture;
  const data = Float32Array.from(states.flatMap((state) => [...state]));
  return [[vectors.length, hiddenSize], data];
}

const flat: Tensor = [
  [ITEMS, WIDTH],
  Float32Array.from([0, 1, 2, 3, 4].flatMap((item) => [...vector(item)])),
];

describe("Vectors of another network", () => {
  test("say through their map what the mapped vectors say", async () => {
    const own = { v: ownFile([3, 0, 1, 2, 4].map((item) => vector(item))) };
    const plain = await run({ source: { file: "v", item: 0 }, controls: [] }, { files: own });
    const item = await run({ source: { file: "v", item: 3 }, ...THROUGH_MAP, controls: [] });
    const position = { source: { file: "v", position: 3 }, ...THROUGH_MAP, controls: [] };
    const row = await run(position, { files: { v: flat } });
    const texts = (result: PatchscopeResult): unknown =>
      result.cells.map(({ tokens, logprobs }) => ({ tokens, logprobs }));
    // The first of an item's two vectors, and then its last, which is what position -1 means.
    const first = await run({
      ...{ source: { file: "v", item: 3, position: 0 }, ...THROUGH_MAP, controls: [] },
    });
    expect(texts(first)).toEqual(texts(plain));
    expect(texts(row)).toEqual(texts(plain));
    expect(texts(item)).not.toEqual(texts(plain));
    expect(plain.cells[0]?.tokens).toHaveLength(5);
  });

  test("stand side by side where an item has several", async () => {
    const target = { ...TARGET, position: [1, 2], layer: "embedding" };
    const source = { file: "v", item: 2, position: { together: "all" } };
    const together = await run({ source, target, ...THROUGH_MAP, controls: [] });
    const files = { v: ownFile([vector(2, 0), vector(2, 1)]) };
    const patches = [0, 1].map((place) => ({
      source: { position: place, layer: "embedding" },
      target: { position: place + 1, layer: "embedding" },
    }));
    // As layers of a file the two are not told apart, as positions of an item they are.
    const [, data] = files.v;
    const items = { v: [[1, 2, data.length / 2], data] as const };
    const own = { source: { file: "v", item: 0 }, target: { tokens: TARGET.tokens }, patches };
    const apart = await run({ ...own, controls: [] }, { files: items });
    expect(together.cells[0]?.tokens).toEqual(apart.cells[0]?.tokens);
    expect(together.cells[0]?.logprobs).toEqual(apart.cells[0]?.logprobs);
  });

  test("are held against the file's other items, with what those really make the model say", async () => {
    const source = { file: "v", item: 3, position: 0 };
    const { cells, controls } = await run({ source, ...THROUGH_MAP, contrast: [{ item: 1 }] });
    expect(controls.unrelated).toEqual([4, 0, 1, 2].map((item) => ({ item })));
    expect(controls.contrast).toEqual([{ item: 1 }]);
    const [cell] = cells;
    const first = cell?.tokens?.[0];
    // One token long, so that the next token behind every other item is all there is to know.
    const short = { read: { ...GENERATED, maxTokens: 1 }, ...THROUGH_MAP };
    const held = await run({ source, ...short, contrast: [{ item: 1 }] });
    const others = await Promise.all(
      [4, 0, 1, 2].map(async (item) => {
        const read = { kind: "next-token", topK: 32, position: -1 };
        const said = await run({ source: { ...source, item }, ...THROUGH_MAP, read });
        return said.cells[0]?.next.find(({ token }) => token === first)?.logprob ?? NaN;
      }),
    );
    const under = held.cells[0]?.logprobUnder;
    expect(under?.unrelated).toHaveLength(4);
    for (const [index, logprob] of others.entries()) {
      expect(under?.unrelated?.[index]).toBeCloseTo(logprob, 4);
    }
    expect(under?.contrast?.[0]).toBeCloseTo(others[2] ?? NaN, 4);
  });

  test("of one axis are held against the other positions, each against those behind its own", async () => {
    const files = { v: flat };
    const read = { ...GENERATED, maxTokens: 3 };
    const spec = { ...THROUGH_MAP, read, controls: ["unpatched", "unrelated", "mean"] };
    const all = await run({ source: { file: "v", position: "all" }, ...spec }, { files });
    expect(all.controls.unrelated).toEqual([1, 2, 3, 4].map((behind) => ({ behind })));
    expect(all.cells).toHaveLength(ITEMS);
    for (const [position, cell] of all.cells.entries()) {
      const alone = await run({ source: { file: "v", position }, ...spec }, { files });
      expect(cell.tokens).toEqual(alone.cells[0]?.tokens);
      const item = { source: { file: "v", item: position }, ...spec };
      const asItem = await run(item, { files });
      const under = asItem.cells[0]?.logprobUnder;
      for (const [index, logprob] of (under?.unrelated ?? []).entries()) {
        expect(cell.logprobUnder?.unrelated?.[index]).toBeCloseTo(logprob, 4);
      }
      expect(cell.logprobUnder?.mean).toBeCloseTo(under?.mean ?? NaN, 4);
      expect(cell.evidence).toBeCloseTo(asItem.cells[0]?.evidence ?? NaN, 4);
    }
  });

  test("of the model's own width can be held against the others of their file, too", async () => {
    const own = { v: ownFile([0, 1, 2, 3, 4].map((item) => vector(item))) };
    const controls = ["unpatched", { kind: "unrelated", from: "file" }];
    const mine = await run({ source: { file: "v", item: 3 }, controls }, { files: own });
    const theirs = await run(
      { source: { file: "v", item: 3 }, ...THROUGH_MAP },
      { files: { v: flat } },
    );
    expect(mine.controls.unrelated).toEqual([4, 0, 1, 2].map((item) => ({ item })));
    const [cell, through] = [mine.cells[0], theirs.cells[0]];
    expect(cell?.tokens).toEqual(through?.tokens);
    expect(cell?.evidence).toBeCloseTo(through?.evidence ?? NaN, 4);
  });

  test("that are alone in their file, or all read at once, are held against the prompt, and that is said", async () => {
    const one: Tensor = [[WIDTH], vector(2)];
    const alone = await run({ source: { file: "v" }, ...THROUGH_MAP }, { files: { v: one } });
    expect(alone.controls).not.toHaveProperty("unrelated");
    expect(alone.warnings.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^The file has no other vector/u),
    );
    const target = { ...TARGET, position: [0, 1, 2, 3] };
    const source = { file: "v", position: { together: [0, 1, 2, 3] } };
    const slice = await run({ source, target, ...THROUGH_MAP }, { files: { v: flat } });
    expect(slice.warnings.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^Several vectors of the file are written together/u),
    );
    expect(slice.cells[0]?.logprobUnder).not.toHaveProperty("unrelated");
  });

  test("can be mixed with others of their width before the map", async () => {
    const mixing = [{ kind: "mean", with: "other" }, { file: "map" }];
    const sources = { other: { file: "v", item: 1, position: 0 } };
    const mean = vector(0).map((value, at) => (value + (vector(1)[at] ?? NaN)) / 2);
    const mixed = { source: { file: "v", item: 0, position: 0 }, sources, mapping: mixing };
    const both = await run({ ...mixed, controls: [] });
    const plain = await run(
      { source: { file: "v", item: 0 }, controls: [] },
      { files: { v: ownFile([mean]) } },
    );
    expect(both.cells[0]?.tokens).toEqual(plain.cells[0]?.tokens);
    expect(both.cells[0]?.logprobs?.[0]).toBeCloseTo(plain.cells[0]?.logprobs?.[0] ?? NaN, 4);
  });
});

describe("What is refused of them", () => {
  const source = { file: "v", item: 3 };
  test.each<readonly [string, object, string]>([
    ["no map", { source }, "source.file: v holds vectors of 7 numbers; this model's states have"],
    [
      "an item that is not there",
      { source: { file: "v", item: 5 }, ...THROUGH_MAP },
      "source.item: item 5 is not in the file; its tensor has 5 items, 0 to 4",
    ],
    [
      "sentences as controls",
      { source, ...THROUGH_MAP, controls: [{ kind: "unrelated", prompts: ["a"] }] },
      "controls.0.prompts: sentences cannot stand for the source",
    ],
    [
      "another item that is not there",
      { source, ...THROUGH_MAP, contrast: [{ item: 9 }] },
      "contrast.0.item: the file has no item 9; it has 5, 0 to 4",
    ],
    [
      "another axis",
      { source, ...THROUGH_MAP, contrast: [{ position: 1 }] },
      "contrast.0: {position} is not the axis that the source's vectors are on",
    ],
    [
      "a state of the model beside them",
      {
        ...{ source, sources: { text: { tokens: [3, 4] } } },
        mapping: [{ kind: "mean", with: "text" }, { file: "map" }],
      },
      "sources.text: the mapping mixes vectors of 32 numbers with the source's, which have 7",
    ],
    [
      "others behind the map",
      {
        ...{ source, sources: { other: { file: "v", item: 1 } } },
        mapping: [{ file: "map" }, { kind: "mean", with: "other" }],
      },
      "mapping.1: names states of the source's model, behind the map to another width",
    ],
    [
      "another vector beside a prompt",
      { source: { tokens: [3, 4] }, contrast: [{ item: 1 }] },
      "contrast.0: {item} is another vector of a file, and the source is a prompt",
    ],
    [
      "a file's other vectors beside a prompt",
      { source: { tokens: [3, 4] }, controls: [{ kind: "unrelated", from: "file" }] },
      "controls.0.from: from: file takes the other vectors of the source's file",
    ],
  ])("%s", async (_, fields, message) => {
    const spec = fields as Parameters<typeof run>[0];
    await expect(run(spec)).rejects.toThrow(message);
  });

  test("a map of another width, by the file's name", async () => {
    await expect(run({ source, ...THROUGH_MAP }, { map: mapping(9) })).rejects.toThrow(
      /^mapping\.file: map maps states of 9 numbers .*; here they go from 7 \(v\) to 32/u,
    );
  });
});
