/** The same cells in PyTorch, where Python has it: see pytorch_grid.py. */
import { fileURLToPath } from "node:url";
import { runProcess } from "./child.ts";
import type { BenchContext } from "./figure.ts";

export interface PytorchCells {
  readonly seconds: number;
  /** The most probable token of each cell; source layers stand together. */
  readonly tokens: readonly number[];
  readonly torch: string;
}

// From dist/bench, where this runs, to bench.
const SCRIPT = fileURLToPath(new URL("../../bench/pytorch_grid.py", import.meta.url));

/** Which cells: every layer of the last position into every layer, or every layer of every position into itself. */
type Cells = "grid" | "positions";

/** Runs the cells once in PyTorch; `undefined` (and a note why) where it cannot. */
export async function pytorchCells(
  cells: Cells,
  file: string,
  prompts: { readonly source: string; readonly target: string },
  { signal, note }: BenchContext,
): Promise<PytorchCells | undefined> {
  note("PyTorch: the same cells, in batches of 64 (half a minute or more) …");
  try {
    const args = [SCRIPT, file, prompts.source, prompts.target, cells];
    const { stdout } = await runProcess("python3", args, signal);
    return JSON.parse(stdout) as PytorchCells;
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    note(`PyTorch was not measured: ${reason}`);
    note("For the comparison: pip install torch transformers gguf accelerate");
    return undefined;
  }
}
