/** The same grid in PyTorch, where Python has it: see pytorch_grid.py. */
import { fileURLToPath } from "node:url";
import { runProcess } from "./child.ts";
import type { BenchContext } from "./figure.ts";
import { GRID_PROMPTS } from "./prompts.ts";

export interface PytorchGrid {
  readonly seconds: number;
  /** The most probable token of each cell on the diagonal. */
  readonly diagonal: readonly number[];
  readonly torch: string;
}

// From dist/bench, where this runs, to bench.
const SCRIPT = fileURLToPath(new URL("../../bench/pytorch_grid.py", import.meta.url));

/** Runs the grid once in PyTorch; `undefined` (and a note why) where it cannot. */
export async function pytorchGrid(
  file: string,
  { signal, note }: BenchContext,
): Promise<PytorchGrid | undefined> {
  note("PyTorch: the same grid, in batches of 64 (half a minute or more) …");
  try {
    const args = [SCRIPT, file, GRID_PROMPTS.source, GRID_PROMPTS.target];
    const { stdout } = await runProcess("python3", args, signal);
    return JSON.parse(stdout) as PytorchGrid;
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    note(`PyTorch was not measured: ${reason}`);
    note("For the comparison: pip install torch transformers gguf accelerate");
    return undefined;
  }
}
