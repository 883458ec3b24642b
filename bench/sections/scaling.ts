/** How time and memory grow with layers, positions, samples and tokens: each point in a process of its own. */
import { fileURLToPath } from "node:url";
import { planSpec, planStatistics } from "patchscopes";
import type { Model } from "patchscopes/node";
import { runProcess } from "../measure/child.ts";
import type { BenchContext } from "../context.ts";
import { one, spreadOf, type Figure, type Plot, type Section } from "../figure.ts";
import { operationsOf, type CountedWork } from "../measure/operations.ts";
import { gridSpec, positionsSpec, sampleSpecs } from "../prompts.ts";
import type { RanOnce, RunOnce } from "../measure/run-once.ts";

const RUN_ONCE = fileURLToPath(new URL("../measure/run-once.js", import.meta.url));
const ROUNDS = 3;
const MIB = 2 ** 20;

interface Point extends CountedWork {
  readonly x: number;
  readonly rounds?: number;
}

interface Measured extends Point {
  /** The median. */
  readonly seconds: number;
  readonly mebibytes: number | undefined;
}

/** The plots, and the figures that can be read off them. */
export async function scalingSection(context: BenchContext): Promise<Section> {
  const { model } = await context.loaded();
  const whole = model.architecture.layers;
  const layers = await measured("layers", context, [
    ...[6, 12, 18, 24].map((count) => ({ x: count, specs: [gridSpec()], layers: count })),
    { x: whole, specs: [gridSpec()] },
  ]);
  const positions = await measured(
    "positions",
    context,
    [8, 16, 32, 64].map((x) => ({ x, specs: [positionsSpec(x)] })),
  );
  const samples = await measured(
    "samples",
    context,
    [1, 2, 4, 8, 16].map((x) => ({ x, specs: sampleSpecs(x) })),
  );
  const tokens = await measured(
    "tokens",
    context,
    // Half a minute each.
    [1, 5, 10, 20].map((x) => ({ x, specs: [gridSpec(x)], rounds: 1 })),
  );
  return {
    title: "How it grows",
    about:
      "Time is the median of three runs (of one with many tokens) after one that warms up; memory is the most that a first run takes beyond the loaded model, each in a process of its own. " +
      "The dotted line is what the work that the plan counts would take at the speed of the last point. A small grid is passes of few rows, which " +
      "take as long as reading the weights does: that is why shallow models lie above the line.",
    figures: [...rowsASecond(samples, model), ...peaks(samples, tokens)],
    plots: [
      ...plotsOf("layers", "Layers of the model, each into each, next token", layers, model),
      ...plotsOf("positions", "Positions of a text, all layers, next token", positions, model),
      ...plotsOf("samples", "Samples of a 30×30 grid, next token", samples, model),
      ...plotsOf("tokens", "Tokens of each cell of a 30×30 grid", tokens, model),
    ],
  };
}

async function measured(
  name: string,
  { signal, note }: BenchContext,
  points: readonly Point[],
): Promise<readonly Measured[]> {
  const found: Measured[] = [];
  for (const point of points) {
    note(`Growth with ${name}: ${point.x} …`);
    const request: RunOnce = {
      specs: point.specs,
      rounds: point.rounds ?? ROUNDS,
      ...(point.layers === undefined ? {} : { layers: point.layers }),
    };
    const input = JSON.stringify(request);
    const { stdout } = await runProcess(process.execPath, [RUN_ONCE], signal, { input });
    const { seconds, beyondBytes } = JSON.parse(stdout) as RanOnce;
    const mebibytes = beyondBytes === undefined ? undefined : beyondBytes / MIB;
    found.push({ ...point, seconds: spreadOf(seconds).median, mebibytes });
  }
  return found;
}

/** Many samples in one sweep, against one alone. */
function rowsASecond(points: readonly Measured[], model: Model): Figure[] {
  const rate = ({ specs, seconds }: Measured): number => {
    const cells = specs.map((spec) => planStatistics(planSpec(spec, model)).cells);
    return cells.reduce((sum, count) => sum + count, 0) / seconds;
  };
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  return [
    { name: "rows of one grid", value: one(rate(first)), unit: "rows/s" },
    {
      name: `rows of ${last.x} grids in one sweep, against one grid`,
      value: one(rate(last) / rate(first)),
      unit: "×",
      goal: { atLeast: 1 },
    },
  ];
}

function peaks(samples: readonly Measured[], tokens: readonly Measured[]): Figure[] {
  const words = tokens.at(-1);
  const [fewest, most] = [samples[0], samples.at(-1)];
  if (words?.mebibytes === undefined || !fewest?.mebibytes || !most?.mebibytes) return [];
  return [
    {
      name: `grid of ${words.x} tokens, memory beyond the loaded model`,
      value: one(words.mebibytes),
      unit: "MiB",
      goal: { atMost: 600 },
    },
    {
      name: `memory of ${most.x} grids in one sweep, against one grid`,
      value: one(most.mebibytes / fewest.mebibytes),
      unit: "×",
    },
  ];
}

function plotsOf(name: string, title: string, points: readonly Measured[], model: Model): Plot[] {
  const last = points.at(-1);
  const speed = last === undefined ? NaN : operationsOf(last, model) / last.seconds;
  const memory = points.flatMap(({ x, mebibytes }) =>
    mebibytes === undefined ? [] : [{ x, y: mebibytes }],
  );
  return [
    {
      ...{ name: `time-${name}`, title, x: name, y: "seconds" },
      series: [
        { name: "measured", points: points.map(({ x, seconds }) => ({ x, y: seconds })) },
        {
          name: "as the work grows",
          isReference: true,
          points: points.map((point) => ({ x: point.x, y: operationsOf(point, model) / speed })),
        },
      ],
    },
    {
      ...{ name: `memory-${name}`, title, x: name, y: "MiB beyond the loaded model" },
      series: [{ name: "measured", points: memory }],
    },
  ];
}
