/**
 * Devices other than the CPU in Node, for tests. WebGPU runs on the machine's graphics processor, or else in software on the
 * driver that Chromium brings along, SwiftShader; CUDA on a processor only. Where there is neither, tests are skipped;
 * PATCHSCOPES_REQUIRE_WEBGPU=1 and PATCHSCOPES_REQUIRE_CUDA=1 forbid that.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "vitest";
import { findChromium } from "../../scripts/browser-project.ts";
import type { Precision } from "../../src/engine/engine.ts";
import { hasProcessor } from "../../src/engine/onnx/device-hints-node.ts";
import type { Device } from "../../src/engine/onnx/devices.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { PatchscopesError } from "../../src/errors.ts";
import { randomModel } from "./random-model.ts";

export type Processor = Exclude<Device, "cpu">;

/** Tests that need a device that computes in a precision; without one they are skipped, and the reason is said. */
export async function describeOn(
  { device, precision }: { readonly device: Processor; readonly precision: Precision },
  title: string,
  tests: () => void,
): Promise<void> {
  const reason = await reasonWithout(device, precision);
  if (reason === undefined) describe(title, tests);
  else test.skip(`${title} (skipped: ${reason})`, () => undefined);
}

/** Why no device computes in a precision here; `undefined` where one does. */
export async function reasonWithout(
  device: Processor,
  precision: Precision,
): Promise<string | undefined> {
  if (device === "webgpu") useSoftware();
  const notes: string[] = [];
  try {
    const engine = await createOnnxEngine(randomModel({ seed: 1 }), {
      device,
      precision,
      onNote: (note) => notes.push(note),
    });
    const { info } = engine;
    await engine.dispose();
    if (info.device === device) return undefined;
  } catch (error) {
    if (!(error instanceof PatchscopesError)) throw error;
    notes.push(error.message);
  }
  const reason = notes.join(" ");
  // An adapter in software may lack float16; an adapter has to be there.
  if (isRequired(device) && precision === "float32") throw new Error(reason);
  return reason;
}

/** Whether tests on a device may not be skipped. */
export function isRequired(device: Processor): boolean {
  return process.env[`PATCHSCOPES_REQUIRE_${device.toUpperCase()}`] === "1";
}

/** To be called before the process uses WebGPU for the first time. */
function useSoftware(): void {
  const isChosen =
    (process.env["VK_ICD_FILENAMES"] ?? process.env["VK_DRIVER_FILES"]) !== undefined;
  if (process.platform !== "linux" || isChosen || hasProcessor("webgpu")) return;
  const chromium = findChromium();
  const folders = chromium === undefined ? [] : [dirname(realpathSync(chromium))];
  const driver = [...folders, "/usr/lib/chromium", "/opt/google/chrome"]
    .map((folder) => join(folder, "vk_swiftshader_icd.json"))
    .find((path) => existsSync(path));
  if (driver !== undefined) process.env["VK_ICD_FILENAMES"] = driver;
}
