/** ONNX Runtime on the CPU: the suite for all engines, and the same numbers as the reference engine. */
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { describeAgainst } from "./against.ts";
import { describeEngine } from "./conformance.ts";

const TOLERANCE = 1e-4;

function create(model: ModelDefinition): Promise<Engine> {
  return createOnnxEngine(model, { threads: 1 });
}

describeEngine("onnx", create, TOLERANCE);
describeAgainst(
  { name: "onnx", create },
  { name: "reference", create: createReferenceEngine },
  TOLERANCE,
);
