import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PatchscopesError } from "../errors.ts";
import { writeSafetensors, type OutputTensor } from "../models/weights/safetensors-writer.ts";
import { mapBetween, placeOf, type FittedMapping } from "./fitted-mapping.ts";
import { readMapping, writeMapping } from "./mapping-file.ts";

const SCORES = { r2: 0.9, cosine: 0.95, precision1: 0.5, surprisal: 1.25 };

const MAPPING: FittedMapping = {
  kind: "affine",
  model: { name: "toy", weights: "sha256:ab", layers: 4, hiddenSize: 2 },
  site: "resid_post",
  pairs: [
    {
      source: "embedding",
      target: 3,
      map: { kind: "affine", weight: Float32Array.of(1, 2, 3, 4), bias: Float32Array.of(5, 6) },
      scores: SCORES,
      identity: { ...SCORES, precision1: 0.25 },
    },
    {
      source: 1,
      target: 3,
      map: { kind: "affine", weight: Float32Array.of(0, 1, 1, 0), bias: Float32Array.of(0, 0) },
    },
  ],
  fit: { data: "corpus.txt", texts: 3, states: 20, heldOutStates: 5, seed: 1, ridge: 1e-4 },
};

function bytesOf(mapping: FittedMapping): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(writeMapping(mapping)));
}

/** The message of the error that reading gives. */
async function refusal(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  try {
    await readMapping("map.safetensors", bytes);
  } catch (error) {
    if (error instanceof PatchscopesError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "read";
}

/** A file with another header or other tensors. */
function altered(
  change: (header: Record<string, unknown>) => void,
  tensors: readonly OutputTensor[] = [
    { name: "1.3.weight", shape: [2, 2], data: Float32Array.of(0, 1, 1, 0) },
    { name: "1.3.bias", shape: [2], data: Float32Array.of(0, 0) },
  ],
): Uint8Array<ArrayBuffer> {
  const { model, site, kind } = MAPPING;
  const header = { version: 1, kind, model, site, pairs: [{ source: 1, target: 3 }] };
  change(header);
  const metadata = { format: "patchscopes-mapping", mapping: JSON.stringify(header) };
  return new Uint8Array(Buffer.concat(writeSafetensors(tensors, metadata)));
}

const bias = { name: "1.3.bias", shape: [2], data: Float32Array.of(0, 0) };

test.each([
  MAPPING,
  {
    ...MAPPING,
    kind: "procrustes",
    pairs: [
      {
        source: 0,
        target: 1,
        map: {
          kind: "procrustes",
          rotation: Float32Array.of(0, -1, 1, 0),
          scale: 0.5,
          bias: Float32Array.of(1, 2),
        },
      },
    ],
  },
  {
    ...MAPPING,
    kind: "scalar-affine",
    pairs: [
      {
        source: 0,
        target: 1,
        map: { kind: "scalar-affine", factor: Float32Array.of(2), bias: Float32Array.of(1, 2) },
      },
    ],
  },
  {
    ...MAPPING,
    kind: "low-rank",
    pairs: [
      {
        source: 0,
        target: 1,
        ridge: 0.01,
        map: {
          kind: "low-rank",
          scale: 0.5,
          up: Float32Array.of(1, 2),
          down: Float32Array.of(3, 4),
          bias: Float32Array.of(5, 6),
        },
      },
    ],
  },
  {
    ...MAPPING,
    kind: "mlp",
    pairs: [
      {
        source: 0,
        target: 1,
        map: {
          kind: "mlp",
          weight: Float32Array.of(1, 2, 3, 4),
          bias: Float32Array.of(5, 6),
          inner: Float32Array.of(1, 2, 3, 4, 5, 6),
          innerBias: Float32Array.of(1, 2, 3),
          outer: Float32Array.of(6, 5, 4, 3, 2, 1),
        },
      },
    ],
  },
] satisfies FittedMapping[])(
  "A mapping of kind $kind comes back as it was written",
  async (mapping) => {
    const read = await readMapping("map.safetensors", bytesOf(mapping));
    expect(read).toMatchObject(mapping);
    expect(read.file).toBe("map.safetensors");
    expect(read.hash).toMatch(/^sha256:[0-9a-f]{64}$/u);
  },
);

test("The hash is of the bytes, whatever the file is called", async () => {
  const [first] = MAPPING.pairs;
  const other = { ...MAPPING, pairs: [{ ...MAPPING.pairs[0], source: 0 }] } as FittedMapping;
  const hash = async (mapping: FittedMapping, name: string): Promise<string> =>
    (await readMapping(name, bytesOf(mapping))).hash;
  expect(first).toBeDefined();
  expect(await hash(MAPPING, "a")).toBe(await hash(MAPPING, "b"));
  expect(await hash(MAPPING, "a")).not.toBe(await hash(other, "a"));
});

describe("The map of a pair of places", () => {
  const between = (source: number | "embedding", target: number): string | undefined =>
    mapBetween(MAPPING, placeOf(source, "resid_post"), placeOf(target, "resid_post"))?.kind;

  test("is the one that was fitted for it", () => {
    expect(between("embedding", 3)).toBe("affine");
    expect(between(1, 3)).toBe("affine");
  });

  test("is none where nothing was fitted", () => {
    expect(between(2, 3)).toBeUndefined();
    expect(between(3, 1)).toBeUndefined();
    expect(mapBetween(MAPPING, placeOf(1, "mlp_out"), placeOf(3, "resid_post"))).toBeUndefined();
  });

  test("is the identity from a place to itself", () => {
    expect(between(2, 2)).toBe("identity");
  });
});

describe("A file that is no mapping is refused", () => {
  const whole = bytesOf(MAPPING);

  test("cut off anywhere", async () => {
    for (let end = 0; end < whole.length; end += 13) {
      expect(await refusal(whole.slice(0, end))).toMatch(/^model-unreadable .*cannot be read/u);
    }
  });

  test.each<[string, Uint8Array<ArrayBuffer>, string]>([
    [
      "safetensors of another kind",
      new Uint8Array(Buffer.concat(writeSafetensors([bias]))),
      "does not say that it is a mapping",
    ],
    ["another version", altered((header) => (header["version"] = 2)), "version"],
    ["an unknown kind", altered((header) => (header["kind"] = "cubic")), "kind"],
    ["no pairs", altered((header) => (header["pairs"] = [])), "pairs"],
    [
      "a pair twice",
      altered((header) => (header["pairs"] = [1, 1].map((source) => ({ source, target: 3 })))),
      "1.3 is named twice",
    ],
    [
      "a layer beyond the model",
      altered((header) => (header["pairs"] = [{ source: 1, target: 4 }])),
      "for a layer that its model of 4 layers has not",
    ],
    [
      "a pair without tensors",
      altered((header) => (header["pairs"] = [{ source: 0, target: 3 }])),
      '"0.3.bias" is missing',
    ],
    [
      "another width",
      altered((header) => (header["model"] = { ...MAPPING.model, hiddenSize: 3 })),
      "should be [3] and is [2]",
    ],
    [
      "a wrong shape",
      altered(
        () => undefined,
        [bias, { name: "1.3.weight", shape: [4], data: Float32Array.of(0, 1, 1, 0) }],
      ),
      "should be [2, 2] and is [4]",
    ],
    [
      "a hidden layer of two widths",
      altered(
        (header) => (header["kind"] = "mlp"),
        [
          bias,
          { name: "1.3.weight", shape: [2, 2], data: new Float32Array(4) },
          { name: "1.3.inner", shape: [3, 2], data: new Float32Array(6) },
          { name: "1.3.inner_bias", shape: [4], data: new Float32Array(4) },
        ],
      ),
      "should be [3] and is [4]",
    ],
    [
      "whole numbers",
      altered(
        () => undefined,
        [bias, { name: "1.3.weight", shape: [2, 2], data: Int32Array.of(0, 1, 1, 0) }],
      ),
      "should be F32 and is I32",
    ],
    [
      "what is not a number",
      altered(
        () => undefined,
        [bias, { name: "1.3.weight", shape: [2, 2], data: Float32Array.of(0, 1, NaN, 0) }],
      ),
      "not finite",
    ],
    [
      "a tensor too many",
      altered(
        () => undefined,
        [
          bias,
          { name: "1.3.weight", shape: [2, 2], data: new Float32Array(4) },
          { ...bias, name: "other" },
        ],
      ),
      '"other" belongs to no map',
    ],
  ])("%s", async (_, bytes, problem) => {
    const message = await refusal(bytes);
    expect(message).toMatch(/^model-unreadable /u);
    expect(message).toContain(problem);
  });
});

test("Whatever bytes are changed, a file is read or refused by a typed error", async () => {
  const whole = bytesOf(MAPPING);
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(changes, async (some) => {
      const bytes = whole.slice();
      for (const [at, byte] of some) bytes[at] = byte;
      expect(await refusal(bytes)).toMatch(/^(read$|model-unreadable )/u);
    }),
    { numRuns: 2000 },
  );
});
