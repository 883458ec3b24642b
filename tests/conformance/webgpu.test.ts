import { describeDevice } from "./on-device.ts";

await describeDevice("webgpu");
