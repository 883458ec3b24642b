/** Every layer of every position of a text of 64 tokens, each into its own layer of token identity: 1,920 cells, next token. */
import { runSpec } from "patchscopes";
import type { BenchContext } from "../context.ts";
import type { Section } from "../figure.ts";
import { positionsSpec } from "../prompts.ts";
import { PytorchCells } from "../measure/pytorch-cells.ts";
import { sameTokens } from "../measure/same-tokens.ts";
import { against, inTurn, seconds } from "../measure/timing.ts";

const ROUNDS = 3;

/** Times the cells as a spec. */
export async function positionsSection(context: BenchContext): Promise<Section> {
  const { signal, note } = context;
  const loaded = await context.loaded();
  const theirs = new PytorchCells(await context.pytorch(), "positions");
  note("All layers of all positions: here and in PyTorch, in turn (minutes) …");
  const spec = positionsSpec();
  const { cells, source } = await runSpec(spec, loaded);
  const took = await inTurn(
    { ours: () => runSpec(spec, loaded), float32: theirs.work() },
    { rounds: ROUNDS, signal },
  );
  const { ours } = took;
  // Here the cells of a position stand together, in PyTorch those of a layer.
  const [positions, layers] = [source.tokens.length, cells.length / source.tokens.length];
  const inTheirOrder = cells.map(
    (_, index) => cells[(index % positions) * layers + Math.floor(index / positions)],
  );
  return {
    title: "All layers of all positions",
    about:
      "A text of 64 tokens through token identity, each layer into itself: 1,920 cells, next token, from the spec to the result.",
    figures: [
      ...seconds("positions", ours),
      ...seconds("positions, PyTorch in batches", took.float32),
      ...against("positions, against PyTorch in batches", {
        ...{ theirs: took.float32, ours, atLeast: 30 },
      }),
      ...(await sameTokens("positions", inTheirOrder, theirs)),
    ],
  };
}
