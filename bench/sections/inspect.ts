/** `patchscopes inspect` as a user runs it: a process from start to exit, its time and its memory. */
import type { Model } from "patchscopes/node";
import type { ChildRun } from "../measure/child.ts";
import { runCommand } from "../measure/child.ts";
import type { BenchContext } from "../context.ts";
import { one, type Figure, type Section } from "../figure.ts";
import { INSPECTED } from "../prompts.ts";
import { PytorchCells } from "../measure/pytorch-cells.ts";
import { inTurn, ratio, seconds, type Rounds, type Work } from "../measure/timing.ts";

const ROUNDS = 3;
const MIB = 2 ** 20;

/** Runs each variant in turn, beside PyTorch's grid. */
export async function inspectSection(context: BenchContext): Promise<Section> {
  context.note("inspect, process start to exit, and PyTorch's grid, in turn …");
  const peaks = new Map<string, number>();
  const run = (name: string, args: readonly string[]): Work => ({
    timed: async () => {
      const ran = await inspect(args, context.signal);
      if (ran.peakBytes !== undefined) {
        peaks.set(name, Math.max(ran.peakBytes, peaks.get(name) ?? 0));
      }
      return ran.milliseconds / 1000;
    },
  });
  const took = await inTurn(
    {
      alone: run("alone", ["--no-controls"]),
      controls: run("controls", []),
      quantized: run("quantized", ["--precision", "quantized"]),
      grid: new PytorchCells(await context.pytorch(), "grid").work(),
    },
    { rounds: ROUNDS, signal: context.signal },
  );
  const { model } = await context.loaded();
  return {
    title: "`inspect`",
    about: `\`patchscopes inspect "${INSPECTED}"\`: all layers in words, from process start to exit, loading included. PyTorch's time is that of the 30×30 next-token grid in batches.`,
    figures: [
      ...seconds("inspect without controls", took.alone),
      ...shareOfGrid("inspect without controls, against PyTorch's grid", took.alone, {
        ...{ grid: took.grid, atMost: 0.16 },
      }),
      ...seconds("inspect with controls", took.controls),
      ...shareOfGrid("inspect with controls, against PyTorch's grid", took.controls, {
        ...{ grid: took.grid, atMost: 0.32 },
      }),
      ...memoryFigures(peaks, model),
    ],
  };
}

function inspect(args: readonly string[], signal: AbortSignal): Promise<ChildRun> {
  return runCommand(["inspect", INSPECTED, "--format", "json", ...args], signal);
}

function shareOfGrid(
  name: string,
  took: Rounds,
  { grid, atMost }: { readonly grid: Rounds; readonly atMost: number },
): Figure[] {
  return grid.length === 0 ? [] : [{ name, value: ratio(took, grid), unit: "×", goal: { atMost } }];
}

function memoryFigures(peaks: ReadonlyMap<string, number>, model: Model): Figure[] {
  const [float32, quantized] = [peaks.get("controls"), peaks.get("quantized")];
  if (float32 === undefined || quantized === undefined) return [];
  return [
    {
      name: "inspect, peak memory against the float32 weights",
      value: one(float32 / weightBytes(model)),
      unit: "×",
      goal: { atMost: 2.8 },
    },
    {
      name: "inspect, peak memory with quantized weights",
      value: one(quantized / MIB),
      unit: "MiB",
      goal: { atMost: 650 },
    },
  ];
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
