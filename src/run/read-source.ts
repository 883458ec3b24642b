/** What the source's own run says next: the run that metrics hold all others against. */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan } from "../plan/plan.ts";
import type { MetricValues } from "../result/result.ts";
import { askFor, distributionOf, type Distribution, type MetricNeed } from "./distribution.ts";
import { metricsOf } from "./metrics.ts";
import { topOf, type ScoredToken } from "./next-token.ts";

export interface SourceReading {
  /** The likeliest next token, and the candidates for it, where it is the same place for all cells. */
  readonly top: number | undefined;
  readonly next: readonly ScoredToken[];
  /** What was read at a position of the source. */
  at(position: number): Distribution;
}

/** Reads the source's next token wherever cells are held against it. Its prompt runs once more. */
export async function readSource(
  plan: Plan,
  engine: Engine,
  need: MetricNeed,
  signal?: AbortSignal,
): Promise<SourceReading> {
  const positions = [...new Set(plan.cells.map((cell) => cell.sourceReadAt))];
  const { tokens } = plan.capture;
  const { topK } = plan.read;
  const { vocabSize } = plan.shape;
  // Of the source's own likeliest token the candidates say the probability.
  const isOfSource = need.kind === "token" && need.token === "source";
  const asked = isOfSource ? {} : askFor(need, positions.length, undefined);
  const at = positions.map((offset) => ({ row: 0, offset }));
  const output = await engine.run(
    { kind: "prefill", length: tokens.length, rows: [{ tokens }], read: { at, topK, ...asked } },
    signal,
  );
  const { read } = output;
  assert(read, "the source was read");
  const distributions = positions.map((_, index) =>
    distributionOf(read, index, { topK, vocabSize, tracked: asked.tracked }),
  );
  return {
    top: positions.length === 1 ? distributions[0]?.top : undefined,
    next: positions.length === 1 ? topOf(read, 0, topK) : [],
    at: (position) => {
      const found = distributions[positions.indexOf(position)];
      assert(found, "the source was read there");
      return found;
    },
  };
}

/** The metrics of the source's own run, where all cells are held against one place of it, against the clean target. */
export function sourceMetrics(
  plan: Plan,
  source: SourceReading,
  unpatchedAt: (position: number) => Distribution,
): MetricValues {
  const [cell] = plan.cells;
  assert(cell, "a plan has cells");
  const own = source.at(cell.sourceReadAt);
  return metricsOf(plan, own, { source: own, unpatched: unpatchedAt(cell.readAt) });
}
