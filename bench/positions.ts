/** Every layer of every position of a text of 64 tokens, each into its own layer of token identity: 1,920 cells, next token. */
import type { PatchscopeResult } from "patchscopes";
import { parseSpec, runSpec } from "patchscopes";
import type { LoadedModel } from "patchscopes/node";
import type { BenchContext, Figure, Timings } from "./figure.ts";
import { interleave, seconds, timingsOf } from "./figure.ts";
import { MODEL, POSITIONS_PROMPTS } from "./prompts.ts";
import type { PytorchCells } from "./pytorch.ts";

const ROUNDS = 5;
const TOP_K = 10;
const GOAL = 30;

export interface PositionsTimes {
  /** From the spec to the result. */
  readonly spec: Timings;
  readonly result: PatchscopeResult;
}

/** Times the cells as a spec. */
export async function timePositions(
  loaded: LoadedModel,
  { signal, note }: BenchContext,
): Promise<PositionsTimes> {
  note("All layers of all positions …");
  const spec = parseSpec({
    version: 1,
    source: {
      model: MODEL,
      prompt: POSITIONS_PROMPTS.source,
      position: "all",
      layer: "all",
    },
    target: { prompt: POSITIONS_PROMPTS.target, layer: "same" },
    read: { kind: "next-token", topK: TOP_K },
    controls: [],
  });
  const result = await runSpec(spec, loaded);
  return { ...(await interleave({ spec: () => runSpec(spec, loaded) }, ROUNDS, signal)), result };
}

/** The figures. PyTorch stands between the two halves of our own timings. */
export function positionsFigures(
  halves: readonly PositionsTimes[],
  pytorch: PytorchCells | undefined,
): Figure[] {
  const spec = timingsOf(halves.flatMap((half) => half.spec.all));
  const result = halves[0]?.result;
  const cells = `${result?.cells.length ?? 0} cells`;
  const figures: Figure[] = [
    { name: `all layers of 64 positions (${cells}), float32`, measured: seconds(spec) },
  ];
  if (pytorch === undefined) return figures;
  const ratio = (pytorch.seconds * 1000) / spec.median;
  return [
    ...figures,
    { name: `PyTorch ${pytorch.torch}, batched`, measured: `${pytorch.seconds.toFixed(2)} s` },
    {
      name: "all positions, against PyTorch batched",
      measured: `${ratio.toFixed(1)}× faster`,
      goal: `≥ ${GOAL}×`,
      isReached: ratio >= GOAL,
    },
    {
      name: "same token as PyTorch",
      measured: `${agreement(result, pytorch)} of ${pytorch.tokens.length} cells`,
    },
  ];
}

/** Here the cells of a position stand together, in PyTorch those of a layer. */
function agreement(result: PatchscopeResult | undefined, { tokens }: PytorchCells): number {
  const positions = result?.source.tokens.length ?? 1;
  const layers = tokens.length / positions;
  return tokens.filter((token, index) => {
    const [layer, position] = [Math.floor(index / positions), index % positions];
    return result?.cells[position * layers + layer]?.next[0]?.token === token;
  }).length;
}
