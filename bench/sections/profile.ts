/** Where the time of a pass goes, as the runtime's own profile says it. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxEngine } from "patchscopes/node";
import type { BenchContext } from "../context.ts";
import { one, type Figure, type Section } from "../figure.ts";
import { passShapes } from "../measure/pass-shapes.ts";

const RUNS = 4;

/** What operators are for; those that are in no list are the rest. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  "products with weights": ["Gemm"],
  "products of attention": ["MatMul", "FusedMatMul"],
  "softmax of attention": ["Softmax"],
  "log-softmax and top K": ["LogSoftmax", "TopK", "GatherElements"],
  "activation of the MLP": ["QuickGelu", "Sigmoid", "Gelu", "Mul"],
  "norms and sums": ["RMSNormalization", "LayerNormalization", "Add"],
  "rotary embedding": ["RotaryEmbedding"],
  "rows that join, patches, taps, heads moved": [
    ...["Concat", "Split", "Slice", "ScatterND", "Transpose", "Reshape", "Gather", "Expand"],
  ],
};
const REST = "everything else";

/** An entry of the profile; what is no kernel's time has no operator. */
interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
}

/** Profiles a grid's rows and a step of decoding, each in sessions of its own. */
export async function profileSection(context: BenchContext): Promise<Section> {
  context.note("Where the time goes …");
  return {
    title: "Where the time goes",
    about:
      "The runtime's own profile: of the time that its operators take, how much is for what. Profiling itself makes small operators look a little larger.",
    figures: [...(await profiled("grid", context)), ...(await profiled("manyRows", context))],
  };
}

async function profiled(shape: "grid" | "manyRows", context: BenchContext): Promise<Figure[]> {
  const { model } = await context.loaded();
  const folder = await mkdtemp(join(tmpdir(), "patchscopes-profile-"));
  try {
    const engine = await createOnnxEngine(model, { profile: join(folder, "pass") });
    const { name, run } = (await passShapes(engine))[shape];
    for (let time = 0; time < RUNS; time++) {
      context.signal.throwIfAborted();
      await run();
    }
    await engine.dispose();
    const spent = await timeByKind(folder);
    const total = [...spent.values()].reduce((sum, time) => sum + time, 0);
    return [...spent].map(([kind, time]) => ({
      name: `${name}: ${kind}`,
      value: one((100 * time) / total),
      unit: "%",
    }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In microseconds, in the order of the kinds. */
async function timeByKind(folder: string): Promise<ReadonlyMap<string, number>> {
  const spent = new Map([...Object.keys(KINDS), REST].map((kind) => [kind, 0]));
  for (const file of await readdir(folder)) {
    const events = JSON.parse(await readFile(join(folder, file), "utf8")) as ProfileEvent[];
    for (const { cat, name = "", dur = 0, args } of events) {
      if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
      const operator = args?.op_name ?? "";
      const kind = Object.keys(KINDS).find((each) => KINDS[each]?.includes(operator)) ?? REST;
      spent.set(kind, (spent.get(kind) ?? 0) + dur);
    }
  }
  return spent;
}
