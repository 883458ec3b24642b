/**
 * WebGPU in Node for tests: on the machine's graphics processor, or else in software on the driver that Chromium brings
 * along, SwiftShader. Where there is neither, its tests are skipped; PATCHSCOPES_REQUIRE_WEBGPU=1 forbids that.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe } from "vitest";
import { findChromium } from "../../scripts/browser-project.ts";
import type { Precision } from "../../src/engine/engine.ts";
import { hasProcessor } from "../../src/engine/onnx/device-hints-node.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import { PatchscopesError } from "../../src/errors.ts";
import { randomModel } from "./random-model.ts";

/** Tests that need an adapter that computes in a precision; without one they are skipped, with the reason in the title. */
export async function describeWebGpu(
  title: string,
  precision: Precision,
  tests: () => void,
): Promise<void> {
  const reason = await reasonWithoutWebGpu(precision);
  if (reason === undefined) describe(title, tests);
  else describe.skip(`${title} (skipped: ${reason})`, tests);
}

/** Why no adapter computes in a precision here; `undefined` where one does. */
export async function reasonWithoutWebGpu(precision: Precision): Promise<string | undefined> {
  useSoftware();
  const notes: string[] = [];
  try {
    const engine = await createOnnxEngine(randomModel({ seed: 1 }), {
      device: "webgpu",
      precision,
      onNote: (note) => notes.push(note),
    });
    const { device } = engine.info;
    await engine.dispose();
    if (device === "webgpu") return undefined;
  } catch (error) {
    if (!(error instanceof PatchscopesError)) throw error;
    notes.push(error.message);
  }
  const reason = notes.join(" ");
  // An adapter in software may lack float16; an adapter has to be there.
  if (process.env["PATCHSCOPES_REQUIRE_WEBGPU"] === "1" && precision === "float32") {
    throw new Error(reason);
  }
  return reason;
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
