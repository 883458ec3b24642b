/** How the time of grids grows with the depth of the model: as the work does? */
import { runMany, type Engine, type PatchscopeSpec } from "patchscopes";
import { createOnnxEngine, type Model } from "patchscopes/node";
import type { BenchContext } from "../context.ts";
import { one, type Section, type Spread } from "../figure.ts";
import { cutTo, operationsOf } from "../measure/operations.ts";
import { inTurn, ratio, type Work } from "../measure/timing.ts";
import { gridSpec, sampleSpecs } from "../prompts.ts";

/** Models of all depths run in turn: a busy moment hits them all. */
export async function depthSection(context: BenchContext): Promise<Section> {
  const { model } = await context.loaded();
  context.note("Growth with depth: all depths in turn …");
  const engines = new Map<number, Engine>();
  try {
    for (const layers of [...DEPTHS, model.architecture.layers]) {
      engines.set(layers, await createOnnxEngine(cutTo(layers, model)));
    }
    const many = sampleSpecs(MANY_GRIDS);
    return {
      title: "How it grows with depth",
      about:
        `Next-token grids of the model's first ${DEPTHS.join(", ")} blocks beside all ${model.architecture.layers}: how far the time, at the depth where it is farthest, is from what the ` +
        "work that the plan counts would take at the speed of the whole model. One grid of a shallow model is passes of few rows, which take as long " +
        "as reading the weights does; those of eight sources in one sweep are not.",
      figures: [
        {
          name: `growth of ${MANY_GRIDS} grids with depth, away from the operations that the plan counts`,
          value: await farthest(many, engines, { ...context, model, rounds: 5 }),
          unit: "%",
          goal: { atMost: 15 },
        },
        {
          name: "growth of one grid with depth, away from the operations that the plan counts",
          value: await farthest([gridSpec()], engines, { ...context, model, rounds: 5 }),
          unit: "%",
        },
      ],
    };
  } finally {
    for (const engine of engines.values()) await engine.dispose();
  }
}

/** Depths beside the model's own. */
const DEPTHS = [10, 15, 20, 25];
const MANY_GRIDS = 8;

/** At the depth where it is farthest, in percent. */
async function farthest(
  specs: readonly PatchscopeSpec[],
  engines: ReadonlyMap<number, Engine>,
  on: { readonly model: Model; readonly rounds: number; readonly signal: AbortSignal },
): Promise<Spread> {
  const { model, rounds, signal } = on;
  const works = [...engines].map(([layers, engine]): [string, Work] => [
    String(layers),
    async () => {
      const ready = { model: cutTo(layers, model), engine };
      for await (const { cells } of runMany(specs, ready, { signal })) {
        if (cells.length === 0) throw new Error("nothing ran");
      }
    },
  ]);
  const took = await inTurn(Object.fromEntries(works), { rounds, signal });
  const whole = model.architecture.layers;
  const operations = (layers: number): number => operationsOf({ specs, layers }, model);
  const deviations = DEPTHS.map((layers) => {
    const { median } = ratio(took[layers] ?? [], took[whole] ?? []);
    return 100 * Math.abs((median * operations(whole)) / operations(layers) - 1);
  });
  return one(Math.max(...deviations));
}
