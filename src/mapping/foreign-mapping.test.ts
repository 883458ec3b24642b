import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { FIXTURES } from "../../tests/support/goldens.ts";
import { assert, PatchscopesError } from "../errors.ts";
import { loadMapping } from "../node.ts";
import { writeSafetensors } from "../models/weights/safetensors-writer.ts";
import { mapBetween, placeOf, settled, type MappedLayer } from "./fitted-mapping.ts";
import { readAnyMapping } from "./foreign-mapping.ts";
import { mapped } from "./mapping.ts";

const FOREIGN = join(FIXTURES, "foreign");
const LAYERS = 3;
const { vector, values } = z
  .object({ vector: z.array(z.number()), values: z.record(z.string(), z.array(z.number())) })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "foreign.json"), "utf8")));

/** f(vector) from a layer to another, of a model of three. */
async function through(
  file: string,
  source: MappedLayer,
  target: MappedLayer,
): Promise<Float32Array> {
  const mapping = settled(await loadMapping(join(FOREIGN, file)), LAYERS);
  const map = mapBetween(mapping, placeOf(source, "resid_post"), placeOf(target, "resid_post"));
  assert(map, "there is a map");
  return mapped(map, Float32Array.from(vector));
}

function expectValue(name: string, got: Float32Array): void {
  expect(got).toHaveLength(values[name]?.length ?? NaN);
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(values[name]?.[i] ?? NaN, 4);
}

async function refusal(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  try {
    await readAnyMapping(file, bytes);
  } catch (error) {
    if (error instanceof PatchscopesError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "read";
}

describe("Files of other programs map vectors as these do", () => {
  test.each(["embedding", 0, 1] as const)("a tuned lens from layer %s", async (layer) => {
    const value = await through("tuned-lens/params.pt", layer, LAYERS - 1);
    expectValue(`tuned-lens ${layer}`, value);
  });

  test.each([0, 1])("a Jacobian lens from layer %s, to the last one", async (layer) => {
    expectValue(`jacobian ${layer}`, await through("jacobian.pt", layer, LAYERS - 1));
  });

  test.each([
    "scale_only",
    "scalar_affine",
    "full_rank",
    "low_rank_only",
    "scalar_affine_plus_low_rank",
  ])("an adapter of type %s, from any layer to the embedding", async (type) => {
    expectValue(type, await through(`${type}.safetensors`, 2, "embedding"));
  });

  test.each([
    ["scalar_affine", "adapter.pt"],
    ["scale_only", "scale_only.pt"],
  ])("an adapter of type %s as training saves it", async (type, file) => {
    expectValue(type, await through(file, 1, "embedding"));
  });

  test.each([
    ["linear", "linear.pt"],
    ["projector", "projector.safetensors"],
  ])("a %s layer by itself, from any layer to any", async (name, file) => {
    expectValue(name, await through(file, 1, "embedding"));
    expectValue(name, await through(file, "embedding", 2));
    const { model, target, foreign } = await loadMapping(join(FOREIGN, file));
    expect([model.hiddenSize, target?.hiddenSize]).toEqual([8, 5]);
    expect(foreign?.program).toBe("linear layer");
  });
});

test("A linear layer whose parts do not belong together is refused", async () => {
  const of = (...tensors: readonly (readonly [string, ...number[]])[]): Promise<string> => {
    const parts = tensors.map(([name, ...shape]) => {
      const data = new Float32Array(shape.reduce((product, axis) => product * axis, 1));
      return { name, shape, data };
    });
    return refusal("l", new Uint8Array(Buffer.concat(writeSafetensors(parts, {}))));
  };
  expect(await of(["weight", 3, 2], ["bias", 3])).toBe("read");
  expect(await of(["weight", 3, 2], ["bias", 2])).toContain("its bias should be [3] and is [2]");
  expect(await of(["weight", 3])).toContain("its weight should be [out, in] and is [3]");
  expect(await of(["bias", 3])).toContain("its header does not say that it is a mapping");
  expect(await of(["a.weight", 3, 2], ["b.weight", 3, 2])).toContain("does not say that it is");
});

test("A tuned lens is found by its folder, and says which model it is for", async () => {
  const lens = await loadMapping(join(FOREIGN, "tuned-lens"));
  expect(lens.model).toMatchObject({ name: "toy", weights: "unknown", layers: 3, hiddenSize: 8 });
  expect(lens.hash).toMatch(/^sha256:/u);
});

test("A pickle that holds more than tensors and plain values is refused, and nothing of it runs", async () => {
  const bytes = new Uint8Array(readFileSync(join(FOREIGN, "object.pt")));
  expect(await refusal("object.pt", bytes)).toBe(
    "model-unreadable object.pt cannot be read: its pickle holds more than tensors and plain values: _codecs encode.",
  );
});

test.each([
  "jacobian.pt",
  "tuned-lens/params.pt",
  "adapter.pt",
  "linear.pt",
  "scalar_affine.safetensors",
])(
  "Whatever bytes of %s are changed or cut off, it is read or refused by a typed error",
  async (file) => {
    const whole = new Uint8Array(readFileSync(join(FOREIGN, file)));
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(whole.length), fc.boolean(), async (some, end, isCut) => {
        const bytes = isCut ? whole.slice(0, end) : whole.slice();
        for (const [at, byte] of some) if (at < bytes.length) bytes[at] = byte;
        expect(await refusal(file, bytes)).toMatch(/^(read$|model-unreadable )/u);
      }),
      { numRuns: 500 },
    );
  },
);
