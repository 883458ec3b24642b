import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { notBegun, notBuiltIn } from "./device-hints-node.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes devices-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a build without a device says where it is", () => {
  const { reason, fix } = notBuiltIn("cuda");
  expect(reason).toBe(
    `ONNX Runtime is built without it for ${process.platform} on ${process.arch}`,
  );
  expect(fix).toBe("It is there for Linux on x64.");
});

test("without the runtime's files for CUDA there is a command that fetches them, for any path", () => {
  const { reason, fix } = notBegun("cuda", new Error("Failed to load shared library"), folder);
  expect(reason).toBe("ONNX Runtime's own files for it are not installed");
  const script = join(folder, "script", "install.js");
  expect(fix).toContain(`ONNXRUNTIME_NODE_INSTALL=cuda12 node '${script}'`);
});

test("what else fails in CUDA is said as NVIDIA's library says it, without the runtime's places", async () => {
  const { platform, arch } = process;
  const libraries = join(folder, "bin", "napi-v6", platform, arch);
  await mkdir(libraries, { recursive: true });
  await writeFile(join(libraries, "libonnxruntime_providers_cuda.so"), "no library");
  const cause = new Error(
    "/onnxruntime_src/cuda_call.cc:154 CudaCall(...) [with ERRTYPE = cudaError; bool THRW = true] CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm ; file=/onnxruntime_src/cuda_execution_provider.cc ; line=352 ; expr=cudaSetDevice(info_.device_id); \n",
  );
  expect(notBegun("cuda", cause, folder)).toMatchObject({
    reason: "CUDA failure 100: no CUDA-capable device is detected",
    fix: expect.stringContaining("nvidia-smi") as string,
  });
});

test("WebGPU without an adapter is said in few words, and what else fails as the runtime says it", () => {
  const place =
    "/src/webgpu_context.cc:136 Initialize(const Config&) status == Success was false. ";
  const reasonOf = (message: string): string =>
    notBegun("webgpu", new Error(message), folder).reason;
  expect(reasonOf(`${place}Failed to get a WebGPU adapter: No supported adapters\n`)).toBe(
    "no graphics adapter is found",
  );
  expect(reasonOf(`${place}Failed to get a WebGPU device: lost\n\n`)).toBe(
    "Failed to get a WebGPU device: lost",
  );
});
