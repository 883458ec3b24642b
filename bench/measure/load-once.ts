/** Loads a model once and says as JSON how long that took from process start and how much memory: a process of its own for `load.ts`. */
import type { Precision } from "patchscopes";
import { loadModel } from "patchscopes/node";
import type { LoadedOnce } from "../sections/load.ts";
import { memoryOf } from "./memory-of.ts";

const [name = "", precision = "float32"] = process.argv.slice(2);
const loaded = await loadModel(name, { precision: precision as Precision });
const { loadMs } = loaded;
const once: LoadedOnce = { loadMs, peakBytes: memoryOf("peak"), heldBytes: memoryOf("held") };
await loaded.dispose();
process.stdout.write(`${JSON.stringify(once)}\n`);
