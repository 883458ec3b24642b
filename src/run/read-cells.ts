/** Runs cells: all rows of a batch join the stack in one pass; where text is wanted they go on, token by token. */
import type { Engine, Read, ReadOut } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import { generate } from "./generate.ts";
import type { MapOf } from "./map-of.ts";
import type { ScoredToken } from "./next-token.ts";
import type { MetricValues } from "../result/result.ts";
import { askFor, distributionOf, type Distribution, type MetricNeed } from "./distribution.ts";
import { metricsOf } from "./metrics.ts";
import { topOf } from "./next-token.ts";
import type { SourceReading } from "./read-source.ts";
import type { CleanTarget, VectorOf } from "./target.ts";
import { inOnePass } from "./target.ts";
import { writeRows } from "./write-rows.ts";

/** What a cell says: the first token's top K, and the generated tokens where any were asked for. */
export interface CellReadOut {
  readonly next: readonly ScoredToken[];
  readonly generated: readonly ScoredToken[];
  /** Of the first token; only where there are any. */
  readonly metrics?: MetricValues;
}

/** The same of one sample, with the first token's distribution where all of it was read. */
export interface SampledReadOut extends CellReadOut {
  readonly logits?: Float32Array;
}

export interface CellBatch {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly target: CleanTarget;
  /** What the source itself says next, where metrics can be held against it, and how much of a distribution metrics need. */
  readonly reading: SourceReading | undefined;
  readonly need: MetricNeed;
  /** All with the same first written position; in ascending order of entry. */
  readonly cells: readonly PlannedCell[];
  /** Each cell's number in the plan, which its draws follow from. */
  readonly numbers: readonly number[];
  readonly vectorOf: VectorOf;
  readonly mapOf: MapOf;
  readonly endTokens: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the number of tokens that rows have got since the last call. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
}

/** Reads a batch of cells, in its order. */
export async function readCells(batch: CellBatch): Promise<SampledReadOut[]> {
  const { plan, engine, target, cells } = batch;
  const from = cells[0]?.from ?? 0;
  const length = plan.target.tokens.length - from;
  const rows = await writeRows(
    cells.map((cell) => ({ cell, vectorOf: batch.vectorOf })),
    { plan, engine, target, mapOf: batch.mapOf, from, length, signal: batch.signal },
  );
  const isGenerating = plan.read.kind === "generate";
  const isDrawing = plan.read.kind === "generate" && plan.read.decoding !== undefined;
  const asked = askFor(batch.need, cells.length, batch.reading?.top);
  const output = await engine.run(
    {
      kind: "prefill",
      context: { cache: target.cache, length: from },
      length,
      ...inOnePass(rows, { plan, target, from, length }),
      keep: isGenerating,
      read: {
        // A place before the first write is read from the clean run, below; here only the row's own count.
        at: cells.map(({ readAt }, row) => ({ row, offset: Math.max(0, readAt - from) })),
        topK: plan.read.topK,
        ...asked,
        ...(isDrawing ? { logits: true } : {}),
      },
    },
    batch.signal,
  );
  assert(output.read, "the cells were read");
  const { read: readOut } = output;
  const first = cells.map((cell, row) => firstToken(cell, readOut, row, batch, asked));
  if (plan.read.kind !== "generate" || output.cache === undefined) {
    return first.map((of) => ({ ...of, generated: [] }));
  }
  const generated = await generate(
    { ...batch, read: plan.read },
    { cache: output.cache, readOut, topK: plan.read.topK },
  );
  return first.map((of, row) => ({ ...of, generated: generated[row] ?? [] }));
}

/** What a cell's row, or the clean run before the row's first token, says next. */
function firstToken(
  cell: PlannedCell,
  readOut: ReadOut,
  row: number,
  { plan, target, reading, need }: CellBatch,
  asked: Pick<Read, "tracked">,
): Omit<SampledReadOut, "generated"> {
  const { topK } = plan.read;
  const unpatched = (): Distribution => target.distributionAt(cell.readAt);
  const isBefore = cell.readAt < cell.from;
  const next = isBefore
    ? topOf(target.readOut, target.readPositions.indexOf(cell.readAt), topK)
    : topOf(readOut, row, topK);
  const hasMetrics = plan.metrics.length > 0;
  if (need.kind !== "logits" && !hasMetrics) return { next };
  const { vocabSize } = plan.shape;
  const own = isBefore
    ? unpatched()
    : distributionOf(readOut, row, { topK, vocabSize, tracked: asked.tracked });
  const whole = own.logits === undefined ? {} : { logits: own.logits };
  if (!hasMetrics) return { next, ...whole };
  const references = { source: reading?.at(cell.sourceReadAt), unpatched: unpatched() };
  return { next, ...whole, metrics: metricsOf(plan, own, references) };
}
