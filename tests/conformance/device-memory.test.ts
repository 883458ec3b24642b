/** Keys and values that stay on a device: the suite, on a runtime whose memory JavaScript cannot look into. */
import { afterAll, expect, test } from "vitest";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { nodeRuntime } from "../../src/engine/onnx/node.ts";
import { createOnnxEngineOn } from "../../src/engine/onnx/onnx-engine.ts";
import type { Feeds, Runtime, RuntimeTensor } from "../../src/engine/onnx/runtime.ts";
import { createReferenceEngine } from "../../src/engine/reference/reference-engine.ts";
import { assert } from "../../src/errors.ts";
import { decodeGreedily, runPrompt } from "../support/patched-run.ts";
import { randomModel } from "../support/random-model.ts";
import { describeAgainst } from "./against.ts";
import { describeEngine } from "./conformance.ts";

const TOLERANCE = 1e-4;

/** Keeps tensors away from JavaScript, and knows which are not freed. */
class Device {
  readonly #tensors = new Map<RuntimeTensor, RuntimeTensor>();

  get held(): number {
    return this.#tensors.size;
  }

  /** A runtime with this memory. */
  around(runtime: Runtime): Runtime {
    return {
      ...runtime,
      memory: {
        read: (tensors) => Promise.resolve(tensors.map((each) => this.#inside(each))),
        free: (tensor) => {
          this.#inside(tensor);
          this.#tensors.delete(tensor);
        },
      },
      createSession: async (graph, staying = []) => {
        const session = await runtime.createSession(graph);
        return {
          ...session,
          run: async (feeds, outputs, into) => {
            const brought = Object.entries(feeds).map(([name, each]) => [
              name,
              each instanceof Hidden ? this.#inside(each) : each,
            ]);
            const got = await session.run(Object.fromEntries(brought) as Feeds, outputs, into);
            const kept = Object.entries(got).map(([name, each]) => [
              name,
              staying.includes(name) ? this.#hide(each) : each,
            ]);
            return Object.fromEntries(kept) as Feeds;
          },
        };
      },
    };
  }

  #hide(tensor: RuntimeTensor): RuntimeTensor {
    const hidden = new Hidden(tensor.dims);
    this.#tensors.set(hidden, tensor);
    return hidden;
  }

  #inside(hidden: RuntimeTensor): RuntimeTensor {
    const tensor = this.#tensors.get(hidden);
    assert(tensor, "the tensor is on the device and was not freed");
    return tensor;
  }
}

class Hidden implements RuntimeTensor {
  readonly dims: readonly number[];

  constructor(dims: readonly number[]) {
    this.dims = dims;
  }

  get data(): never {
    throw new Error("bug: this tensor is on the device");
  }
}

const device = new Device();

function create(model: ModelDefinition): Promise<Engine> {
  const runtime = device.around({ ...nodeRuntime({ threads: 1 }), takesEmpty: false });
  return createOnnxEngineOn(runtime, model, { heads: true });
}

describeEngine("onnx with a device's memory", create, TOLERANCE, 10);
describeAgainst(
  { name: "onnx with a device's memory", create },
  { name: "reference", create: createReferenceEngine },
  TOLERANCE,
);

test("what nobody needs any more is freed", async () => {
  const own = new Device();
  const runtime = own.around(nodeRuntime({ threads: 1 }));
  const engine = await createOnnxEngineOn(runtime, randomModel({ seed: 1 }));
  const { layers } = engine.architecture;
  const { cache } = await runPrompt(engine, [1, 2, 3], { keep: true });
  assert(cache, "the prompt was kept");
  expect(own.held).toBe(0);
  await decodeGreedily(engine, cache, { first: Int32Array.of(4), steps: 5 });
  expect(own.held).toBe(2 * layers);
  const some = engine.select(cache, [0, 0]);
  expect(own.held).toBe(2 * layers);
  await decodeGreedily(engine, some, { first: Int32Array.of(4, 5), steps: 3 });
  expect(own.held).toBe(4 * layers);
  cache.dispose();
  expect(own.held).toBe(2 * layers);
  some.dispose();
  expect(own.held).toBe(0);
  await engine.dispose();
});

afterAll(() => {
  // The suite leaves caches to the collector; what it disposed of must not be freed twice, which `free` would say.
  expect(device.held).toBeGreaterThan(0);
});
