/** A graphics processor beside the CPU, where the machine has one. */
import { PatchscopesError, runSpec, type CellRecord } from "patchscopes";
import { loadModel, type LoadedModel } from "patchscopes/node";
import type { BenchContext } from "../context.ts";
import { one, type Figure, type Section } from "../figure.ts";
import { against, inTurn, seconds } from "../measure/timing.ts";
import { gridSpec, MODEL } from "../prompts.ts";

const ROUNDS = 2;
const NEW_TOKENS = 20;
const PRECISIONS = ["float32", "float16"] as const;

/** Times both grids on the processor, in each precision that it computes in, and on the CPU in float32. */
export async function devicesSection(context: BenchContext): Promise<Section> {
  const figures: Figure[] = [];
  const absent: string[] = [];
  for (const precision of PRECISIONS) {
    const onNote = (note: string): void => void absent.push(note);
    const on = await loadOnProcessor(precision, { ...context, note: onNote });
    if (on === undefined) continue;
    context.note(`The grids on ${on.engine.info.device} in ${precision}: there and on the CPU …`);
    try {
      figures.push(...(await figuresOf(on, context)));
    } finally {
      await on.dispose();
    }
  }
  return {
    title: "Graphics processors",
    about:
      figures.length > 0
        ? `Both 30×30 grids on the graphics processor and on the CPU in float32, from the spec to the result; with words, ${NEW_TOKENS} tokens each.`
        : ["None was there.", ...absent].join(" "),
    figures,
  };
}

/** The model on a graphics processor; undefined where there is none, or none that computes in the precision. */
async function loadOnProcessor(
  precision: (typeof PRECISIONS)[number],
  { signal, note }: Pick<BenchContext, "signal" | "note">,
): Promise<LoadedModel | undefined> {
  try {
    const loaded = await loadModel(MODEL, { device: "auto", precision, signal, onNote: note });
    if (loaded.engine.info.device !== "cpu") return loaded;
    await loaded.dispose();
  } catch (error) {
    if (!(error instanceof PatchscopesError) || error.code === "aborted") throw error;
    note(error.message);
  }
  return undefined;
}

async function figuresOf(on: LoadedModel, context: BenchContext): Promise<Figure[]> {
  const cpu = await context.loaded();
  const { device, precision } = on.engine.info;
  const figures: Figure[] = [];
  for (const [work, spec] of [
    ["grid", gridSpec()],
    ["grid in words", gridSpec(NEW_TOKENS)],
  ] as const) {
    let got: readonly CellRecord[] = [];
    let expected: readonly CellRecord[] = [];
    const took = await inTurn(
      {
        there: async () => ({ cells: got } = await runSpec(spec, on)),
        cpu: async () => ({ cells: expected } = await runSpec(spec, cpu)),
      },
      { rounds: ROUNDS, signal: context.signal },
    );
    const name = `${work} on ${device} in ${precision}`;
    figures.push(
      ...seconds(name, took.there),
      ...against(`${name}, against the CPU`, { theirs: took.cpu, ours: took.there }),
      {
        name: `${name}: cells that say what the CPU says`,
        value: one(sameShare(got, expected)),
        unit: "%",
      },
    );
  }
  return figures;
}

/** Of the first tokens: behind another one a text goes another way. */
function sameShare(got: readonly CellRecord[], expected: readonly CellRecord[]): number {
  const same = expected.filter(
    ({ next }, cell) => next[0]?.token === got[cell]?.next[0]?.token,
  ).length;
  return (100 * same) / Math.max(1, expected.length);
}
