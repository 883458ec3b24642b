/** The next-token grid: every source layer into every target layer, against PyTorch three ways and against starting at layer 0. */
import type { Engine, PassOutput, PatchscopeResult, Row } from "patchscopes";
import { runSpec } from "patchscopes";
import type { BenchContext } from "../context.ts";
import type { Section } from "../figure.ts";
import { gridSpec, TOP_K } from "../prompts.ts";
import { multiplies } from "../measure/machine.ts";
import { PytorchCells } from "../measure/pytorch-cells.ts";
import { sameTokens } from "../measure/same-tokens.ts";
import { against, inTurn, ratio, seconds } from "../measure/timing.ts";

const ROUNDS = 3;

/** Times the grid as a spec, source and target passes included, and its rows alone. */
export async function gridSection(context: BenchContext): Promise<Section> {
  const { signal, note } = context;
  const loaded = await context.loaded();
  const int8 = await context.loaded("int8");
  const pytorch = await context.pytorch();
  note("The grid, next token: here and in PyTorch, in turn (minutes) …");
  const spec = gridSpec();
  const result = await runSpec(spec, loaded);
  const theirs = new PytorchCells(pytorch, "grid");
  const took = await inTurn(
    {
      ours: () => runSpec(spec, loaded),
      int8: () => runSpec(spec, int8),
      float32: theirs.work(),
      // Without instructions for it, all cells take four minutes.
      bfloat16: theirs.work({ dtype: "bfloat16", every: 5 }),
      // As the paper's code does it: one cell of nine is run.
      paper: theirs.work({ way: "sequential", every: 9 }),
    },
    { rounds: ROUNDS, signal },
  );
  const { ours } = took;
  const rows = await gridRows(loaded.engine, result);
  const ways = await inTurn(rows, { rounds: 2 * ROUNDS, signal });
  checkSame(await rows.joined(), await rows.fromLayer0());
  return {
    title: "30×30 grid, next token",
    about:
      "Each of 30 source layers into each of 30 target layers, from the spec to the result, without controls. " +
      "PyTorch in batches is what a careful user writes: the source once, batches of 64 rows, one hook a layer; of bfloat16 one cell of five " +
      "is timed, and its goal counts where the processor has instructions for it. The paper's way runs both prompts again for each cell; one " +
      "cell of nine is timed.",
    figures: [
      ...seconds("grid", ours),
      ...seconds("grid, PyTorch in batches", took.float32),
      ...against("grid, against PyTorch in batches", { theirs: took.float32, ours, atLeast: 30 }),
      ...against("grid, against PyTorch in batches of bfloat16", {
        ...{ theirs: took.bfloat16, ours },
        ...(multiplies("bfloat16") && { atLeast: 14 }),
      }),
      ...against("grid, against PyTorch the paper's way", {
        ...{ theirs: took.paper, ours, atLeast: 200 },
      }),
      ...against("grid, int8 against float32", { theirs: ours, ours: took.int8 }),
      ...(await sameTokens("grid", result.cells, theirs)),
      {
        name: "grid, rows joined at their layers against from layer 0",
        value: ratio(ways.joined, ways.fromLayer0),
        unit: "×",
        goal: { atMost: 0.7 },
      },
    ],
  };
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
function checkSame(a: PassOutput, b: PassOutput): void {
  const differing = (a.read?.topTokens ?? []).filter(
    (token, index) => index % TOP_K === 0 && token !== b.read?.topTokens[index],
  );
  if (differing.length > 0) {
    throw new Error(`joined rows and rows from layer 0 differ in ${differing.length} cells`);
  }
}
