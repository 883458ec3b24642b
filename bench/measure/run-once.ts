/** Runs specs in a process of its own and says as JSON how long that took and what memory beside the model: for `scaling.ts`. */
import { readFileSync } from "node:fs";
import { parseSpec, runMany, type ReadyModel } from "patchscopes";
import { createOnnxEngine, findAndOpenModel, loadModel } from "patchscopes/node";
import { memoryOf, resetPeak } from "./memory-of.ts";
import { MODEL } from "../prompts.ts";

/** What is asked, as JSON on standard input. */
export interface RunOnce {
  readonly specs: readonly unknown[];
  /** Runs the model's first blocks only. */
  readonly layers?: number;
  readonly rounds: number;
}

export interface RanOnce {
  /** Of each round but the first. */
  readonly seconds: readonly number[];
  /** The most memory at any time of the first round beyond what was held before it; Linux says it. */
  readonly beyondBytes: number | undefined;
}

const request = JSON.parse(readFileSync(0, "utf8")) as RunOnce;
const specs = request.specs.map((spec) => parseSpec(spec));
const on = await model(request.layers);
const held = memoryOf("held");
// Loading takes more memory than it leaves.
resetPeak();
await runAll();
const peak = memoryOf("peak");
const seconds: number[] = [];
for (let round = 0; round < request.rounds; round++) {
  const begin = performance.now();
  await runAll();
  seconds.push((performance.now() - begin) / 1000);
}
const beyondBytes = peak === undefined || held === undefined ? undefined : peak - held;
const ran: RanOnce = { seconds, beyondBytes };
process.stdout.write(`${JSON.stringify(ran)}\n`);
process.exit(0);

async function runAll(): Promise<void> {
  let cells = 0;
  for await (const result of runMany(specs, on)) cells += result.cells.length;
  if (cells === 0) throw new Error("nothing ran");
}

/** The model, or its first blocks. */
async function model(layers: number | undefined): Promise<ReadyModel> {
  if (layers === undefined) return loadModel(MODEL);
  const whole = await findAndOpenModel(MODEL);
  const cut = { ...whole, architecture: { ...whole.architecture, layers } };
  return { model: cut, engine: await createOnnxEngine(cut) };
}
