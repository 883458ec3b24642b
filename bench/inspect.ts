/** `patchscopes inspect` as a user runs it: a process from start to exit, its time and its memory. */
import type { ChildRun } from "./child.ts";
import { runCommand } from "./child.ts";
import type { BenchContext, Figure } from "./figure.ts";
import { seconds, timingsOf } from "./figure.ts";
import { INSPECTED } from "./prompts.ts";
import type { PytorchCells } from "./pytorch.ts";

const ROUNDS = 3;
const MIB = 2 ** 20;
const GOALS = { withoutControls: 0.16, withControls: 0.32, float32Weights: 2.8, quantizedMib: 650 };

const VARIANTS = {
  withoutControls: ["--no-controls"],
  withControls: [],
  quantized: ["--precision", "quantized"],
} as const;
type Variant = keyof typeof VARIANTS;

export type InspectRuns = Readonly<Record<Variant, readonly ChildRun[]>>;

/** Runs each variant in turn. */
export async function timeInspect({ signal, note }: BenchContext): Promise<InspectRuns> {
  note("inspect, process start to exit: without controls, with them, quantized, in turn …");
  const runs: Record<Variant, ChildRun[]> = {
    withoutControls: [],
    withControls: [],
    quantized: [],
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [variant, list] of Object.entries(runs)) {
      const args = VARIANTS[variant as Variant];
      list.push(await runCommand(["inspect", INSPECTED, "--format", "json", ...args], signal));
    }
  }
  return runs;
}

/** The figures; `weightBytes` is the size of the model's weights in float32. */
export function inspectFigures(
  runs: InspectRuns,
  pytorch: PytorchCells | undefined,
  weightBytes: number,
): Figure[] {
  return [
    ...timeFigures(
      "inspect without controls",
      runs.withoutControls,
      pytorch,
      GOALS.withoutControls,
    ),
    ...timeFigures("inspect with controls", runs.withControls, pytorch, GOALS.withControls),
    ...memoryFigures(runs, weightBytes),
  ];
}

function timeFigures(
  name: string,
  runs: readonly ChildRun[],
  pytorch: PytorchCells | undefined,
  goal: number,
): Figure[] {
  const timings = timingsOf(runs.map(({ milliseconds }) => milliseconds));
  const figure = { name, measured: seconds(timings) };
  if (pytorch === undefined) return [figure];
  const ratio = timings.median / (pytorch.seconds * 1000);
  return [
    figure,
    {
      name: `${name}, against PyTorch's grid`,
      measured: `${ratio.toFixed(2)}×`,
      goal: `≤ ${goal}×`,
      isReached: ratio <= goal,
    },
  ];
}

function memoryFigures(runs: InspectRuns, weightBytes: number): Figure[] {
  const float32 = peakOf(runs.withControls);
  const quantized = peakOf(runs.quantized);
  if (float32 === undefined || quantized === undefined) return [];
  const ratio = float32 / weightBytes;
  return [
    {
      name: "peak memory with controls, against the float32 weights",
      measured: `${ratio.toFixed(2)}× (${Math.round(float32 / MIB)} MiB)`,
      goal: `≤ ${GOALS.float32Weights}×`,
      isReached: ratio <= GOALS.float32Weights,
    },
    {
      name: "peak memory, quantized",
      measured: `${Math.round(quantized / MIB)} MiB`,
      goal: `≤ ${GOALS.quantizedMib} MiB`,
      isReached: quantized <= GOALS.quantizedMib * MIB,
    },
  ];
}

function peakOf(runs: readonly ChildRun[]): number | undefined {
  const peaks = runs.map(({ peakBytes }) => peakBytes).filter((peak) => peak !== undefined);
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}
