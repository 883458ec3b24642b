/** The real model on other devices in Node: the same answers as on the CPU, within the tolerance that docs/devices.md states. */
import { expect, test } from "vitest";
import { hasProcessor } from "../../src/engine/onnx/device-hints-node.ts";
import type { Device } from "../../src/engine/onnx/devices.ts";
import { loadModel } from "../../src/node.ts";
import type { NextToken, PatchscopeResult } from "../../src/result/result.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { expectNear } from "../support/nats.ts";
import { describeRealModel, REAL_MODEL } from "../support/real-model.ts";
import { isRequired, reasonWithout, type Processor } from "../support/devices.ts";

/** Nats. */
const TOLERANCE = 1e-3;
/** For adapters in software, beside other tests. */
const PATIENCE_MS = 600_000;
const LAYERS = 30;

const DEVICES: readonly Processor[] = ["webgpu", "cuda"];

for (const device of DEVICES) {
  const isSlow = device === "webgpu" && !hasProcessor(device);
  const reason =
    isSlow && !isRequired(device)
      ? "in software it takes a minute, PATCHSCOPES_REQUIRE_WEBGPU=1 takes it"
      : await reasonWithout(device, "float32");
  const title = `says what it says on the CPU${reason === undefined ? "" : ` (skipped: ${reason})`}`;

  await describeRealModel(`SmolLM2 on ${device} in Node`, () => {
    test.skipIf(reason !== undefined)(title, { timeout: PATIENCE_MS }, async () => {
      // In software each token takes a second.
      const layer = isSlow ? 4 : "all";
      const [expected, got] = [await inspect("cpu", layer), await inspect(device, layer)];
      expect(got.engine).toEqual({ ...expected.engine, device });
      expect(got.specHash).toBe(expected.specHash);
      expect(expected.cells).toHaveLength(isSlow ? 1 : LAYERS);
      for (const [index, { next: theirs }] of expected.cells.entries()) {
        const ours = got.cells[index]?.next ?? [];
        expect(theirs).toHaveLength(5);
        expect(ours[0]?.token).toBe(theirs[0]?.token);
        expectNear(logprobsOf(ours), logprobsOf(theirs), TOLERANCE);
      }
    });
  });
}

const logprobsOf = (next: readonly NextToken[]): number[] => next.map(({ logprob }) => logprob);

async function inspect(device: Device, layer: number | "all"): Promise<PatchscopeResult> {
  const loaded = await loadModel(REAL_MODEL, { device });
  try {
    const spec = parseSpec({
      version: 1,
      source: { model: REAL_MODEL, prompt: "Barack Obama", layer },
      target: { prompt: "Who is x" },
      read: { kind: "next-token", topK: 5 },
      controls: [],
    });
    return await runSpec(spec, loaded);
  } finally {
    await loaded.dispose();
  }
}
