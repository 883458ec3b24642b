/** How long a model takes until it can run, from process start, and what memory that costs beyond what stays. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProcess } from "../measure/child.ts";
import type { BenchContext } from "../context.ts";
import { one, spreadOf, type Figure, type Section } from "../figure.ts";
import { MODEL } from "../prompts.ts";

const ROUNDS = 3;

/** What load-once.ts prints. */
export interface LoadedOnce {
  readonly loadMs: number;
  /** Resident memory: the most there ever was, and what is held when the model is ready. */
  readonly peakBytes: number | undefined;
  readonly heldBytes: number | undefined;
}

const LOAD_ONCE = fileURLToPath(new URL("../measure/load-once.js", import.meta.url));

/** Loads the model in each way in turn. */
export async function loadSection(context: BenchContext): Promise<Section> {
  context.note("Loading: the first time, from converted weights, quantized, in turn …");
  const runs: Record<"first" | "float32" | "quantized", LoadedOnce[]> = {
    first: [],
    float32: [],
    quantized: [],
  };
  for (let round = 0; round < ROUNDS; round++) {
    runs.first.push(await loadFirst(context.file, context));
    runs.float32.push(await load(MODEL, "float32", context));
    runs.quantized.push(await load(MODEL, "quantized", context));
  }
  const { size } = await stat(context.file);
  return {
    title: "Loading",
    about:
      "From the start of the process until the model can run. Memory is the most while loading, without what the loaded model holds, against the model's file.",
    figures: [
      timeFigure("load, the first time", runs.first, 4),
      timeFigure("load, converted weights kept", runs.float32, 2),
      timeFigure("load, quantized", runs.quantized, 1),
      ...Object.entries(runs).flatMap(([name, of]) => memoryFigure(name, of, size)),
    ],
  };
}

/** With a cache of its own, so that nothing is there yet. */
async function loadFirst(file: string, context: BenchContext): Promise<LoadedOnce> {
  const folder = await mkdtemp(join(tmpdir(), "patchscopes-bench-"));
  try {
    return await load(file, "float32", context, { PATCHSCOPES_CACHE: folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function load(
  model: string,
  precision: string,
  { signal }: BenchContext,
  env: Readonly<Record<string, string>> = {},
): Promise<LoadedOnce> {
  const { stdout } = await runProcess(process.execPath, [LOAD_ONCE, model, precision], signal, {
    env,
  });
  return JSON.parse(stdout) as LoadedOnce;
}

function timeFigure(name: string, runs: readonly LoadedOnce[], atMost: number): Figure {
  const value = spreadOf(runs.map(({ loadMs }) => loadMs / 1000));
  return { name, value, unit: "s", goal: { atMost } };
}

function memoryFigure(name: string, runs: readonly LoadedOnce[], stored: number): Figure[] {
  const beyond = runs.flatMap(({ peakBytes, heldBytes }) =>
    peakBytes === undefined || heldBytes === undefined ? [] : [peakBytes - heldBytes],
  );
  if (beyond.length === 0) return [];
  const value = one(Math.max(...beyond) / stored);
  return [{ name: `memory while loading (${name})`, value, unit: "×", goal: { atMost: 1.3 } }];
}
