/** `--device` where the device is missing: what the user sees, and what the result says. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { tinyGguf } from "../models/tiny-model.test-support.ts";
import { runCommandLine } from "./program.ts";

let folder = "";
let model = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-device-"));
  model = join(folder, "tiny.gguf");
  await writeFile(model, tinyGguf());
  // Drivers are looked for where this says, in a process that has not looked yet.
  process.env["VK_ICD_FILENAMES"] = join(folder, "none.json");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(process.platform !== "linux")("WebGPU without an adapter", () => {
  test("is said once, whatever is loaded, and the result says what ran", async () => {
    const { status, out, err } = await inspect("--explainer", model, "--format", "json");
    expect({ status, err }).toMatchObject({ status: 0 });
    expect(err.match(/^note: .*$/gmu)).toEqual([
      expect.stringContaining("The model runs on the CPU. WebGPU is not available: ") as string,
    ]);
    const { engine } = JSON.parse(out) as { readonly engine: object };
    expect(engine).toMatchObject({ name: "onnx", device: "cpu" });
  });

  test("fails in float16, with what to do", async () => {
    const { status, err } = await inspect("--precision", "float16");
    expect(status).toBe(1);
    expect(err).toMatch(/error: WebGPU is not available: .*\nhint: .* Or use the device "cpu"/u);
    expect(err).not.toContain("note:");
  });
});

async function inspect(
  ...more: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const terminal = recordingTerminal();
  const few = ["--max-tokens", "2", "--top-k", "2"];
  const args = ["inspect", "a b", "--model", model, ...few, "--device", "webgpu", ...more];
  const status = await runCommandLine(args, { terminal, signal: new AbortController().signal });
  return { status, out: terminal.printed(), err: terminal.noted() };
}
