/** What happens in Node where a device is asked for that is not there. What is there is tested in tests/conformance. */
import { describe, expect, test } from "vitest";
import { runPrompt } from "../../../tests/support/patched-run.ts";
import { randomModel } from "../../../tests/support/random-model.ts";
import type { Engine } from "../engine.ts";
import { createOnnxEngine, type DeviceChoice, type OnnxOptions } from "./node.ts";

const model = randomModel({ seed: 1 });

// Drivers are looked for where this says, in a process that has not looked yet; only Linux has them in files.
const hasNoVulkan = process.platform === "linux";
if (hasNoVulkan) process.env["VK_ICD_FILENAMES"] = "/nonexistent.json";
const { device: cuda } = (await loaded("cuda")).engine.info;
const hasNoCuda = cuda === "cpu";

/** What is missing differs from machine to machine. */
const CASES = [
  { device: "cuda", name: "CUDA", isMissing: hasNoCuda, because: "there is CUDA" },
  {
    device: "webgpu",
    name: "WebGPU",
    isMissing: hasNoVulkan,
    because: "adapters are not in files",
  },
] as const;

describe.each(CASES)("without $name", ({ device, name, isMissing, because }) => {
  const title = isMissing ? "" : ` (skipped: ${because})`;

  test.skipIf(!isMissing)(`the model runs on the CPU, and one note says why${title}`, async () => {
    const { engine, notes } = await loaded(device);
    expect(engine.info).toMatchObject({ device: "cpu", precision: "float32" });
    expect(notes).toEqual([
      expect.stringMatching(new RegExp(`^The model runs on the CPU\\. ${name} is not available: `)),
    ]);
    const { engine: plain } = await loaded("cpu");
    const [got, expected] = [await runPrompt(engine, [1, 2]), await runPrompt(plain, [1, 2])];
    expect(got.read?.logits).toEqual(expected.read?.logits);
  });

  test.skipIf(!isMissing)(`float16 is refused, and nothing runs in its place${title}`, async () => {
    const notes: string[] = [];
    const refused = createOnnxEngine(model, {
      device,
      precision: "float16",
      onNote: (note) => notes.push(note),
    });
    await expect(refused).rejects.toMatchObject({
      code: "engine",
      message: expect.stringContaining(`${name} is not available`) as string,
      hint: expect.stringMatching(
        /\. Or use the device "cpu", with the precision "float32" or "quantized"\.$/u,
      ) as string,
    });
    expect(notes).toEqual([]);
  });
});

test.skipIf(!hasNoCuda || !hasNoVulkan)(
  "auto is the CPU without a note where there is no more",
  async () => {
    const { engine, notes } = await loaded("auto");
    expect(engine.info.device).toBe("cpu");
    expect(notes).toEqual([]);
    await expect(loaded("auto", { precision: "float16" })).rejects.toMatchObject({
      message: 'The device "cpu" does not compute in float16.',
    });
  },
);

async function loaded(
  device: DeviceChoice,
  options: OnnxOptions = {},
): Promise<{ readonly engine: Engine; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const onNote = (note: string): void => {
    notes.push(note);
  };
  const engine = await createOnnxEngine(model, { threads: 1, device, onNote, ...options });
  return { engine, notes };
}
