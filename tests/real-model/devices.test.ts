/** The real model on WebGPU in Node: the same answers as on the CPU, within the tolerance that docs/devices.md states. */
import { expect, test } from "vitest";
import { hasProcessor } from "../../src/engine/onnx/device-hints-node.ts";
import { loadModel } from "../../src/node.ts";
import type { NextToken, PatchscopeResult } from "../../src/result/result.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { expectNear } from "../support/nats.ts";
import { describeRealModel, REAL_MODEL } from "../support/real-model.ts";
import { reasonWithoutWebGpu } from "../support/webgpu.ts";

/** Nats. */
const TOLERANCE = 1e-3;
/** For adapters in software, beside other tests. */
const PATIENCE_MS = 600_000;

const isSlow = !hasProcessor("webgpu") && process.env["PATCHSCOPES_REQUIRE_WEBGPU"] !== "1";
const reason = isSlow
  ? "in software it takes a minute, PATCHSCOPES_REQUIRE_WEBGPU=1 takes it"
  : await reasonWithoutWebGpu("float32");
const title = `says what it says on the CPU${reason === undefined ? "" : ` (skipped: ${reason})`}`;

await describeRealModel("SmolLM2 on WebGPU in Node", () => {
  test.skipIf(reason !== undefined)(title, { timeout: PATIENCE_MS }, async () => {
    const [expected, got] = [await inspect("cpu"), await inspect("webgpu")];
    expect(got.engine).toEqual({ ...expected.engine, device: "webgpu" });
    expect(got.specHash).toBe(expected.specHash);
    const [theirs, ours] = [nextOf(expected), nextOf(got)];
    expect(theirs).toHaveLength(5);
    expect(ours.map(({ token }) => token)).toEqual(theirs.map(({ token }) => token));
    expectNear(logprobsOf(ours), logprobsOf(theirs), TOLERANCE);
  });
});

const nextOf = ({ cells }: PatchscopeResult): readonly NextToken[] => cells[0]?.next ?? [];
const logprobsOf = (next: readonly NextToken[]): number[] => next.map(({ logprob }) => logprob);

async function inspect(device: "cpu" | "webgpu"): Promise<PatchscopeResult> {
  const loaded = await loadModel(REAL_MODEL, { device });
  try {
    const spec = parseSpec({
      version: 1,
      // Few tokens: in software each takes a second.
      source: { model: REAL_MODEL, prompt: "Barack Obama", layer: 4 },
      target: { prompt: "Who is x" },
      read: { kind: "next-token", topK: 5 },
      controls: [],
    });
    return await runSpec(spec, loaded);
  } finally {
    await loaded.dispose();
  }
}
