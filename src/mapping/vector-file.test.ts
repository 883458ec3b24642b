import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PatchscopesError } from "../errors.ts";
import { writeSafetensors, type OutputTensor } from "../models/weights/safetensors-writer.ts";
import { readVectors } from "./vector-file.ts";

function fileOf(
  tensors: readonly OutputTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(writeSafetensors(tensors, metadata)));
}

function ofShape(name: string, shape: readonly number[]): OutputTensor {
  const count = shape.reduce((product, axis) => product * axis, 1);
  return { name, shape, data: Float32Array.from({ length: count }, (_, index) => index) };
}

async function problemOf(bytes: Uint8Array<ArrayBuffer>, tensor?: string): Promise<string> {
  const error: unknown = await readVectors("v", bytes, tensor).catch((reason: unknown) => reason);
  if (error instanceof PatchscopesError) return `${error.code} ${error.message}`;
  throw new Error("nothing was thrown");
}

describe("A file of vectors", () => {
  test.each([[[4]], [[3, 4]], [[3, 2, 4]]])("of the shape %j is read", async (shape) => {
    const read = await readVectors("v", fileOf([ofShape("steer", shape)]));
    expect(read).toMatchObject({ tensor: "steer", shape });
    expect(read.layers).toBeUndefined();
    expect(read.site).toBeUndefined();
    expect(read.data).toHaveLength(shape.reduce((a, b) => a * b, 1));
  });

  test("as capture writes it says its layers, site and tokens", async () => {
    const tensors = [
      ofShape("mlp_out", [2, 3, 4]),
      ofShape("logits", [3, 9]),
      { name: "tokens", shape: [3], data: Int32Array.of(7, 8, 9) },
    ];
    const read = await readVectors(
      "v",
      fileOf(tensors, { site: "mlp_out", layers: '["embedding",5]' }),
    );
    expect(read).toMatchObject({
      tensor: "mlp_out",
      layers: ["embedding", 5],
      site: "mlp_out",
      tokens: [7, 8, 9],
    });
  });

  test.each([
    ["several tensors", [ofShape("a", [4]), ofShape("b", [4])], undefined, "one must be named"],
    ["another name", [ofShape("a", [4])], "b", 'it has no tensor "b"; it has "a"'],
    ["too many axes", [ofShape("a", [1, 1, 1, 4])], "a", "should be [hidden]"],
    ["none", [ofShape("logits", [2, 4])], undefined, "it holds no vectors"],
    ["no numbers", [ofShape("a", [0, 4])], undefined, "holds no numbers"],
    [
      "an infinite number",
      [{ name: "a", shape: [1], data: Float32Array.of(Infinity) }],
      undefined,
      "not finite",
    ],
    [
      "whole numbers",
      [{ name: "a", shape: [1], data: Int32Array.of(1) }],
      undefined,
      "numbers of the type I32",
    ],
  ])("with %s is refused", async (_, tensors, name, problem) => {
    const message = await problemOf(fileOf(tensors), name);
    expect(message).toMatch(/^model-unreadable The vectors of v cannot be read: /u);
    expect(message).toContain(problem);
  });

  test("that is damaged is refused, or read, and nothing else", async () => {
    const good = fileOf([ofShape("a", [3, 4])], { layers: "[0,1,2]" });
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (at, value) => {
        const bytes = good.slice();
        bytes[at] = value;
        await readVectors("v", bytes).catch((error: unknown) => {
          expect(error).toBeInstanceOf(PatchscopesError);
        });
      }),
      { numRuns: 300 },
    );
  });
});
