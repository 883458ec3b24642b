/** The reference engine keeps the invariants that all engines keep; what it computes: tests/parity. */
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { describeEngine } from "./conformance.ts";

describeEngine("reference", createReferenceEngine, 1e-6);
