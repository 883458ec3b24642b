/**
 * The project's figures, side by side in one run: ratios, because machines differ and are noisy.
 * Timings are never a test; what is printed here is read by people.
 */
import { PatchscopesError } from "patchscopes";
import type { Model } from "patchscopes/node";
import { findAndOpenModel, findModel, loadModel } from "patchscopes/node";
import type { BenchContext, Figure } from "./figure.ts";
import { figureTable } from "./figure.ts";
import { gridFigures, timeGrid } from "./grid.ts";
import { inspectFigures, timeInspect } from "./inspect.ts";
import { loadFigures } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { positionsFigures, timePositions, type PositionsTimes } from "./positions.ts";
import { GRID_PROMPTS, MODEL, POSITIONS_PROMPTS } from "./prompts.ts";
import { pytorchCells } from "./pytorch.ts";
import { throughputFigures } from "./throughput.ts";

const NAMES = ["grid", "positions", "inspect", "load", "throughput"] as const;
type Name = (typeof NAMES)[number];

/** Measures the figures named in `args`, or all of them. */
export async function runBench(options: {
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
}): Promise<void> {
  const names = options.args.length === 0 ? NAMES : options.args.map(figureName);
  const note = (text: string): void => {
    options.note(`${text}\n`);
  };
  const context: BenchContext = { signal: options.signal, note };
  const { path } = await findModel(MODEL, { signal: options.signal });
  note(describeMachine());
  const before = names.includes("grid") ? await grid(context) : undefined;
  const isGridCompared = names.includes("grid") || names.includes("inspect");
  const pytorch = isGridCompared
    ? await pytorchCells("grid", path, GRID_PROMPTS, context)
    : undefined;
  const after = names.includes("grid") ? await grid(context) : undefined;
  const figures: Figure[] = [];
  if (before !== undefined && after !== undefined) {
    figures.push(...gridFigures([before.times, after.times], pytorch));
  }
  if (names.includes("positions")) figures.push(...(await positions(path, context)));
  if (names.includes("inspect")) {
    const weightBytes = before?.weightBytes ?? (await float32Bytes(context));
    figures.push(...inspectFigures(await timeInspect(context), pytorch, weightBytes));
  }
  if (names.includes("load")) figures.push(...(await loadFigures(path, context)));
  if (names.includes("throughput")) figures.push(...(await throughput(path, context)));
  options.print(`${describeMachine()}\n\n${figureTable(figures)}\n`);
}

/** Loads the model for one half of the timings, so that PyTorch has the machine to itself between them. */
async function grid(context: BenchContext): Promise<{
  readonly times: Awaited<ReturnType<typeof timeGrid>>;
  readonly weightBytes: number;
}> {
  const loaded = await loadModel(MODEL, { signal: context.signal });
  try {
    return { times: await timeGrid(loaded, context), weightBytes: weightBytes(loaded.model) };
  } finally {
    await loaded.dispose();
  }
}

/** PyTorch stands between two halves of our own timings here, too. */
async function positions(file: string, context: BenchContext): Promise<Figure[]> {
  const half = async (): Promise<PositionsTimes> => {
    const loaded = await loadModel(MODEL, { signal: context.signal });
    try {
      return await timePositions(loaded, context);
    } finally {
      await loaded.dispose();
    }
  };
  const before = await half();
  const pytorch = await pytorchCells("positions", file, POSITIONS_PROMPTS, context);
  return positionsFigures([before, await half()], pytorch);
}

async function throughput(file: string, context: BenchContext): Promise<Figure[]> {
  const loaded = await loadModel(MODEL, { signal: context.signal });
  try {
    return await throughputFigures(loaded, file, context);
  } finally {
    await loaded.dispose();
  }
}

async function float32Bytes(context: BenchContext): Promise<number> {
  const model = await findAndOpenModel(MODEL, { signal: context.signal });
  await model.close();
  return weightBytes(model);
}

/** Four bytes for each number of every matrix; norms are too small to count. A tied head is the embedding. */
function weightBytes({ architecture }: Pick<Model, "architecture">): number {
  const { layers, hiddenSize, heads, kvHeads, headSize, intermediateSize, vocabSize } =
    architecture;
  const attention = 2 * hiddenSize * headSize * (heads + kvHeads);
  const mlp = 3 * hiddenSize * intermediateSize;
  const embeddings = vocabSize * hiddenSize * (architecture.tiedHead ? 1 : 2);
  return 4 * (layers * (attention + mlp) + embeddings);
}

function figureName(text: string): Name {
  const name = NAMES.find((each) => each === text);
  if (name !== undefined) return name;
  throw new PatchscopesError({
    code: "usage",
    message: `There is no figure "${text}".`,
    hint: `Figures: ${NAMES.join(", ")}.`,
  });
}
