/** A graph as data → the bytes of an ONNX model. The only importer of the protobuf bindings. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { AttributeProto, StringStringEntryProto, TensorProto, ValueInfoProto } from "onnx-buf";
import type { Attribute, ElementType, Graph, GraphValue, Initializer } from "./graph-builder.ts";

/** Opset 24: RMSNormalization and RotaryEmbedding are standard operators since 23. */
const OPSET_VERSION = 24n;
const IR_VERSION = 10n;

const DATA_TYPES: Record<ElementType, TensorProto_DataType> = {
  float32: TensorProto_DataType.FLOAT,
  int64: TensorProto_DataType.INT64,
  uint8: TensorProto_DataType.UINT8,
};

/** Encodes a graph; weights stay outside, under the paths that the initialisers name. */
export function encodeModel(graph: Graph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "patchscopes",
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: "", version: OPSET_VERSION }),
      create(OperatorSetIdProtoSchema, { domain: "com.microsoft", version: 1n }),
    ],
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: graph.nodes.map((node) =>
        create(NodeProtoSchema, {
          name: node.name,
          opType: node.op,
          domain: node.domain,
          input: [...node.inputs],
          output: [...node.outputs],
          attribute: Object.entries(node.attributes).map(([name, value]) => attribute(name, value)),
        }),
      ),
      initializer: graph.initializers.map(initializer),
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

function attribute(name: string, value: Attribute): AttributeProto {
  switch (value.kind) {
    case "int":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INT,
        i: BigInt(value.value),
      });
    case "float":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.FLOAT,
        f: value.value,
      });
    case "string":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.STRING,
        s: new TextEncoder().encode(value.value),
      });
    case "ints":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INTS,
        ints: value.value.map(BigInt),
      });
  }
}

function initializer(value: Initializer): TensorProto {
  const shared = {
    name: value.name,
    dims: value.shape.map(BigInt),
    dataType: DATA_TYPES[value.type],
  };
  if (value.kind === "inline") {
    return create(TensorProtoSchema, { ...shared, rawData: new Uint8Array(value.bytes) });
  }
  return create(TensorProtoSchema, {
    ...shared,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      entryOf("location", value.name),
      entryOf("offset", "0"),
      entryOf("length", String(value.byteLength)),
    ],
  });
}

function entryOf(key: string, value: string): StringStringEntryProto {
  return create(StringStringEntryProtoSchema, { key, value });
}

function valueInfo(value: GraphValue): ValueInfoProto {
  const dim = value.shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof size === "string"
          ? { case: "dimParam", value: size }
          : { case: "dimValue", value: BigInt(size) },
    }),
  );
  const tensorType = create(TypeProto_TensorSchema, {
    elemType: DATA_TYPES[value.type],
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: create(TypeProtoSchema, { value: { case: "tensorType", value: tensorType } }),
  });
}
