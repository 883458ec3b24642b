/** The grid in words: 900 cells of 20 tokens each. */
import { runSpec } from "patchscopes";
import type { BenchContext } from "../context.ts";
import type { Section } from "../figure.ts";
import { gridSpec } from "../prompts.ts";
import { multiplies } from "../measure/machine.ts";
import { PytorchCells } from "../measure/pytorch-cells.ts";
import { sameTokens } from "../measure/same-tokens.ts";
import { against, inTurn, seconds } from "../measure/timing.ts";

const ROUNDS = 2;
const NEW_TOKENS = 20;

/** Times the grid with words, in float32 and int8. */
export async function wordsSection(context: BenchContext): Promise<Section> {
  const { signal, note } = context;
  const loaded = await context.loaded();
  const int8 = await context.loaded("int8");
  note("The grid in words: here and in PyTorch, in turn (ten minutes) …");
  const spec = gridSpec(NEW_TOKENS);
  const theirs = new PytorchCells(await context.pytorch(), "grid", NEW_TOKENS);
  let result = await runSpec(spec, loaded);
  const took = await inTurn(
    {
      ours: { timed: () => timed(async () => (result = await runSpec(spec, loaded))) },
      int8: { timed: () => timed(() => runSpec(spec, int8)) },
      float32: theirs.work(),
      paper: theirs.work({ way: "sequential", every: 90 }),
    },
    { rounds: ROUNDS, signal },
  );
  const { ours } = took;
  return {
    title: `30×30 grid, ${NEW_TOKENS} tokens each`,
    about:
      "The same 900 cells with 20 greedy tokens each, ends of sequences passed over, so that all rows are decoded to the end. " +
      "PyTorch decodes with its cache (`generate`); of the paper's way one cell of 90 is timed.",
    figures: [
      ...seconds("grid in words", ours),
      ...seconds("grid in words, PyTorch in batches", took.float32),
      ...against("grid in words, against PyTorch in batches", {
        ...{ theirs: took.float32, ours, atLeast: 3 },
      }),
      ...against("grid in words, int8 against PyTorch in batches", {
        ...{ theirs: took.float32, ours: took.int8 },
        ...(multiplies("int8") && { atLeast: 6 }),
      }),
      ...against("grid in words, against PyTorch the paper's way", {
        ...{ theirs: took.paper, ours, atLeast: 45 },
      }),
      ...(await sameTokens("grid in words", result.cells, theirs)),
    ],
  };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return (performance.now() - begin) / 1000;
}
