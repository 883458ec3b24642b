/** A graph as data → the bytes of an ONNX model. Field numbers are those of onnx.proto (IR version 10). */
import type {
  Attribute,
  ElementType,
  Graph,
  GraphNode,
  GraphValue,
  Initializer,
} from "./graph-builder.ts";
import { ProtoWriter } from "./proto-writer.ts";
import type { WeightLayout } from "./weight-layout.ts";

/** Opset 24: RMSNormalization and RotaryEmbedding are standard operators since 23. */
const OPSETS = [
  { domain: "", version: 24 },
  { domain: "com.microsoft", version: 1 },
];
const IR_VERSION = 10;

/** The number of an element type in the format. */
export const DATA_TYPES: Record<ElementType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int64: 7,
  int32: 6,
  float16: 10,
};
/** AttributeProto.AttributeType */
const ATTRIBUTE_TYPES: Record<Attribute["kind"], number> = { float: 1, int: 2, string: 3, ints: 7 };
/** TensorProto.DataLocation */
const EXTERNAL = 1;

/** One file that holds all weights of a graph. */
export interface WeightFile {
  /** Its name in the folder that the runtime looks into. */
  readonly name: string;
  readonly layout: WeightLayout;
}

/**
 * Encodes a graph; weights stay outside: in one file, or each under a path of its own, the initialiser's name.
 * Shapes of inputs and outputs are left out: with known ranks, ONNX Runtime compares every value with every free one
 * to share their memory, in vain where all sizes are unknown, and takes three times as long to load the graph.
 */
export function encodeModel(graph: Graph, file?: WeightFile): Uint8Array {
  const model = new ProtoWriter().int(1, IR_VERSION).text(2, "patchscopes");
  model.message(7, (proto) => {
    graph.nodes.forEach((node) => proto.message(1, (inner) => writeNode(inner, node)));
    proto.text(2, graph.name);
    graph.initializers.forEach((each) =>
      proto.message(5, (inner) => writeInitializer(inner, each, file)),
    );
    graph.inputs.forEach((value) => proto.message(11, (inner) => writeValue(inner, value)));
    graph.outputs.forEach((value) => proto.message(12, (inner) => writeValue(inner, value)));
  });
  for (const { domain, version } of OPSETS) {
    model.message(8, (opset) => opset.text(1, domain).int(2, version));
  }
  return model.bytes();
}

/** NodeProto */
function writeNode(proto: ProtoWriter, node: GraphNode): void {
  node.inputs.forEach((name) => proto.text(1, name));
  node.outputs.forEach((name) => proto.text(2, name));
  proto.text(3, node.name).text(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    proto.message(5, (inner) => writeAttribute(inner, name, value));
  }
  proto.text(7, node.domain);
}

/** AttributeProto */
function writeAttribute(proto: ProtoWriter, name: string, attribute: Attribute): void {
  proto.text(1, name);
  switch (attribute.kind) {
    case "float":
      proto.float(2, attribute.value);
      break;
    case "int":
      proto.int(3, attribute.value);
      break;
    case "string":
      proto.text(4, attribute.value);
      break;
    case "ints":
      attribute.value.forEach((value) => proto.int(8, value));
      break;
  }
  proto.int(20, ATTRIBUTE_TYPES[attribute.kind]);
}

/** TensorProto */
function writeInitializer(
  proto: ProtoWriter,
  value: Initializer,
  file: WeightFile | undefined,
): void {
  value.shape.forEach((size) => proto.int(1, size));
  proto.int(2, DATA_TYPES[value.type]).text(8, value.name);
  if (value.kind === "inline") {
    proto.data(9, value.bytes);
    return;
  }
  const entries = {
    location: file?.name ?? value.name,
    offset: String(file?.layout.offsets.get(value.name) ?? 0),
    length: String(value.byteLength),
  };
  for (const [key, text] of Object.entries(entries)) {
    proto.message(13, (entry) => entry.text(1, key).text(2, text));
  }
  proto.int(14, EXTERNAL);
}

/** ValueInfoProto, with a TypeProto whose tensor has a type and no shape. */
function writeValue(proto: ProtoWriter, value: GraphValue): void {
  proto.text(1, value.name);
  proto.message(2, (type) => {
    type.message(1, (tensor) => tensor.int(1, DATA_TYPES[value.type]));
  });
}
