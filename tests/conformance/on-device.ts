/** ONNX Runtime on other devices in Node: the suite for all engines, and the same numbers as the reference engine. */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { hasProcessor } from "../../src/engine/onnx/device-hints-node.ts";
import { createOnnxEngine, type OnnxOptions } from "../../src/engine/onnx/node.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { convertedWeights } from "../../src/models/converted/converted-weights.ts";
import { expectClose } from "../support/closeness.ts";
import { openGolden } from "../support/open-golden.ts";
import { runPrompt } from "../support/patched-run.ts";
import { randomModel } from "../support/random-model.ts";
import { describeOn, type Processor } from "../support/devices.ts";
import { describeAgainst } from "./against.ts";
import { describeEngine } from "./conformance.ts";

const TOLERANCE = 1e-4;
/** Kernels in float16 add up in float16 too. */
const HALF_TOLERANCE = 2e-2;
/** Where passes build on passes; a wrong row differs by as much as the states have. */
const HALF_TOLERANCE_OF_SESSIONS = 5e-2;
const REFERENCE = { name: "reference", create: createReferenceEngine };
const GGUF = fileURLToPath(new URL("../fixtures/tiny/llama-gguf", import.meta.url));

/** The tests of a device, where it is to be had. */
export async function describeDevice(device: Processor): Promise<void> {
  const onDevice = `onnx (${device})`;
  // In software each new shape of a tensor is a program to compile.
  const isSlow = device === "webgpu" && !hasProcessor(device);
  const [scenes, sessions] = isSlow ? [2, 4] : [10, 20];

  await describeOn({ device, precision: "float32" }, `on ${device} in Node`, () => {
    const subject = {
      name: onDevice,
      create: (model: ModelDefinition) => create(model, { device }),
    };
    describeEngine(subject.name, subject.create, TOLERANCE, scenes);
    describeAgainst(subject, REFERENCE, TOLERANCE, sessions);
    describePrecisions(device);
    describeKeptWeights(device);
  });

  await describeOn({ device, precision: "float16" }, `in float16 on ${device} in Node`, () => {
    const subject = {
      name: `${onDevice}, float16`,
      create: (model: ModelDefinition) => create(model, { device, precision: "float16" }),
    };
    describeEngine(subject.name, subject.create, HALF_TOLERANCE, scenes);
    describeAgainst(subject, REFERENCE, HALF_TOLERANCE_OF_SESSIONS, 20);

    test("a model says nearly what it says in float32", async () => {
      const model = randomModel({ seed: 3 });
      const expected = await onceOn(model, { device: "cpu", threads: 1 });
      const got = await onceOn(model, { precision: "float16", device });
      expectClose(got, expected, HALF_TOLERANCE);
      expect(got).not.toEqual(expected);
    });
  });
}

function describePrecisions(device: Processor): void {
  test.each([
    { precision: "quantized", tolerance: 1e-4 },
    { precision: "int8", tolerance: 1e-3 },
  ] as const)("$precision computes what it does on the CPU", async ({ precision, tolerance }) => {
    const golden = await openGolden(GGUF);
    const expected = await onceOn(golden, { precision, device: "cpu", threads: 1 });
    expectClose(await onceOn(golden, { precision, device }), expected, tolerance);
    await golden.close();
  });
}

function describeKeptWeights(device: Processor): void {
  test("weights that are kept are read from their file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "patchscopes-device-"));
    const model = randomModel({ seed: 5 });
    const files = [join(folder, "model.gguf")];
    await writeFile(join(folder, "model.gguf"), "weights");
    const weightStore = await convertedWeights(
      { architecture: model.architecture, files, precision: "float32" },
      { folder: join(folder, "converted"), limit: 2 ** 30, least: 0 },
    );
    const plain = await onceOn(model, { device });
    expect(await onceOn(model, { device, weightStore })).toEqual(plain);
    expect((await stat(join(folder, "converted"))).isDirectory()).toBe(true);
    expect(await onceOn(model, { device, weightStore })).toEqual(plain);
    await rm(folder, { recursive: true, force: true });
  });
}

async function create(model: ModelDefinition, options: OnnxOptions): Promise<Engine> {
  const engine = await createOnnxEngine(model, { threads: 1, heads: true, ...options });
  // Falling back would pass the suite without a test of the device.
  expect(engine.info.device).toBe(options.device);
  return engine;
}

/** The logits of a prompt, on a device that has to be there. */
async function onceOn(model: ModelDefinition, options: OnnxOptions): Promise<Float32Array> {
  const engine = await create(model, options);
  const { read } = await runPrompt(engine, [1, 2, 3]);
  await engine.dispose();
  return read?.logits ?? new Float32Array(0);
}
