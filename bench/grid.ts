/** The next-token grid: every source layer into every target layer, against PyTorch and against starting at layer 0. */
import type { Engine, PassOutput, PatchscopeResult, Row } from "patchscopes";
import { parseSpec, runSpec } from "patchscopes";
import type { LoadedModel } from "patchscopes/node";
import type { BenchContext, Figure, Timings } from "./figure.ts";
import { interleave, seconds, timingsOf } from "./figure.ts";
import { GRID_PROMPTS, MODEL } from "./prompts.ts";
import type { PytorchCells } from "./pytorch.ts";

const ROUNDS = 5;
const TOP_K = 10;
const GOALS = { againstPytorch: 30, againstLayer0: 0.7 };

export interface GridTimes {
  /** From the spec to the result, source and target passes included. */
  readonly spec: Timings;
  readonly joined: Timings;
  readonly fromLayer0: Timings;
  readonly result: PatchscopeResult;
}

/** Times the grid as a spec, and its rows alone: joined at their layers, and all from layer 0. */
export async function timeGrid(
  loaded: LoadedModel,
  { signal, note }: BenchContext,
): Promise<GridTimes> {
  note("The grid: joined rows and rows from layer 0, in turn …");
  const spec = parseSpec({
    version: 1,
    source: { model: MODEL, prompt: GRID_PROMPTS.source, layer: "all" },
    target: { prompt: GRID_PROMPTS.target, layer: "all" },
    read: { kind: "next-token", topK: TOP_K },
    controls: [],
  });
  const result = await runSpec(spec, loaded);
  const rows = await gridRows(loaded.engine, result);
  const times = await interleave(
    {
      spec: () => runSpec(spec, loaded),
      joined: rows.joined,
      fromLayer0: rows.fromLayer0,
    },
    ROUNDS,
    signal,
  );
  sameTokens(await rows.joined(), await rows.fromLayer0());
  return { ...times, result };
}

/** The two ways to run the same rows. */
async function gridRows(
  engine: Engine,
  { source, target }: PatchscopeResult,
): Promise<{ joined: () => Promise<PassOutput>; fromLayer0: () => Promise<PassOutput> }> {
  const { layers, hiddenSize } = engine.architecture;
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const captured = await engine.run({
    kind: "prefill",
    length: source.tokens.length,
    rows: [{ tokens: source.tokens }],
    taps: all.map((layer) => ({ site: "resid_post", layer })),
  });
  const vectors = captured.taps.map((states) => states.slice(-hiddenSize));
  const clean = await engine.run({
    kind: "prefill",
    length: target.tokens.length,
    rows: [{ tokens: target.tokens }],
    keep: true,
  });
  const { cache } = clean;
  if (cache === undefined) throw new Error("bug: the target's cache was kept");
  const cells = all.flatMap((to) => vectors.map((vector) => ({ to, vector })));
  const pass = {
    kind: "prefill",
    context: { cache, length: target.tokens.length - 1 },
    length: 1,
    read: { at: cells.map((_, row) => ({ row, offset: 0 })), topK: TOP_K },
  } as const;
  const last = target.tokens.slice(-1);
  return {
    joined: () =>
      engine.run({
        ...pass,
        rows: cells.map(({ to, vector }): Row => ({ entry: to + 1, states: vector })),
      }),
    fromLayer0: () =>
      engine.run({
        ...pass,
        rows: cells.map((): Row => ({ tokens: last })),
        patches: cells.map(({ to, vector }, row) => ({
          site: "resid_post",
          layer: to,
          row,
          offset: 0,
          vector,
        })),
      }),
  };
}

/** A fast way that says something else is no way at all. */
function sameTokens(a: PassOutput, b: PassOutput): void {
  const differing = (a.read?.topTokens ?? []).filter(
    (token, index) => index % TOP_K === 0 && token !== b.read?.topTokens[index],
  );
  if (differing.length > 0) {
    throw new Error(`joined rows and rows from layer 0 differ in ${differing.length} cells`);
  }
}

/** The grid's figures. PyTorch stands between the two halves of our own timings. */
export function gridFigures(
  halves: readonly GridTimes[],
  pytorch: PytorchCells | undefined,
): Figure[] {
  const merged = (of: (times: GridTimes) => Timings): Timings =>
    timingsOf(halves.flatMap((half) => of(half).all));
  const spec = merged((times) => times.spec);
  const joined = merged((times) => times.joined);
  const fromLayer0 = merged((times) => times.fromLayer0);
  const share = joined.median / fromLayer0.median;
  const figures: Figure[] = [
    { name: "30×30 next-token grid, float32", measured: seconds(spec) },
    {
      name: "its rows joined, against from layer 0",
      measured: `${share.toFixed(2)}×`,
      goal: `≤ ${GOALS.againstLayer0}×`,
      isReached: share <= GOALS.againstLayer0,
    },
  ];
  if (pytorch === undefined) return figures;
  const ratio = (pytorch.seconds * 1000) / spec.median;
  return [
    ...figures,
    { name: `PyTorch ${pytorch.torch}, batched`, measured: `${pytorch.seconds.toFixed(2)} s` },
    {
      name: "the grid, against PyTorch batched",
      measured: `${ratio.toFixed(1)}× faster`,
      goal: `≥ ${GOALS.againstPytorch}×`,
      isReached: ratio >= GOALS.againstPytorch,
    },
    {
      name: "same token as PyTorch",
      measured: `${agreement(halves[0]?.result, pytorch)} of ${pytorch.tokens.length} cells`,
    },
  ];
}

function agreement(result: PatchscopeResult | undefined, { tokens }: PytorchCells): number {
  return tokens.filter((token, cell) => result?.cells[cell]?.next[0]?.token === token).length;
}
