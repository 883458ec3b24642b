import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AttributeProtoSchema, ModelProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { randomModel } from "../../../../tests/support/random-model.ts";
import { buildDecoder } from "./decoder-graph.ts";
import { float, GraphBuilder, int, ints } from "./graph-builder.ts";
import { floatLinear } from "./linear.ts";
import { encodeModel } from "./proto.ts";
import { ProtoWriter } from "./proto-writer.ts";

test("a model reads back as it was built", () => {
  const graph = new GraphBuilder("small");
  graph.input("x", "float32", ["rows", 4]);
  graph.weight("w", "uint8", [3, 4], () => Promise.resolve(new Uint8Array(12)));
  graph.op("Gemm", ["x", "w", graph.int64([-1, 300])], {
    name: "y",
    domain: "com.microsoft",
    attributes: { axis: int(-1), alpha: float(0.5), perm: ints([1, -2, 70_000]) },
  });
  graph.output("y", "float32", ["rows", 3]);
  const model = fromBinary(ModelProtoSchema, encodeModel(graph.build()));

  expect(model.irVersion).toBe(10n);
  expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
    ["", 24n],
    ["com.microsoft", 1n],
  ]);
  const [node] = model.graph?.node ?? [];
  expect(node).toMatchObject({
    opType: "Gemm",
    domain: "com.microsoft",
    input: ["x", "w", "const_0"],
    output: ["y"],
  });
  expect(node?.attribute).toMatchObject([
    { name: "axis", i: -1n, type: 2 },
    { name: "alpha", f: 0.5, type: 1 },
    { name: "perm", ints: [1n, -2n, 70_000n], type: 7 },
  ]);
  const [weight, constant] = model.graph?.initializer ?? [];
  expect(weight).toMatchObject({ name: "w", dims: [3n, 4n], dataType: 2, dataLocation: 1 });
  expect(weight?.externalData.map(({ key, value }) => [key, value])).toEqual([
    ["location", "w"],
    ["offset", "0"],
    ["length", "12"],
  ]);
  expect(new BigInt64Array(constant?.rawData.slice().buffer ?? new ArrayBuffer(0))).toEqual(
    BigInt64Array.of(-1n, 300n),
  );
  expect(model.graph?.input.map(({ name }) => name)).toEqual(["x"]);
  expect(model.graph?.output.map(({ name }) => name)).toEqual(["y"]);
});

test("whole numbers of any size and sign survive", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const bytes = new ProtoWriter().int(3, value).bytes();
      expect(fromBinary(AttributeProtoSchema, bytes).i).toBe(BigInt(value));
    }),
  );
});

test("every node of a decoder is there", () => {
  const graph = buildDecoder({ ...randomModel({ layers: 2 }), linear: floatLinear });
  const model = fromBinary(ModelProtoSchema, encodeModel(graph));
  expect(model.graph?.node.map(({ name, input }) => [name, input])).toEqual(
    graph.nodes.map(({ name, inputs }) => [name, inputs]),
  );
});
