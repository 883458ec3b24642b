/** Runs cells: all rows of a batch join the stack in one pass; where text is wanted they go on, token by token. */
import type { Engine, Read, ReadOut } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import { isContrasted, isDrawing } from "../plan/reads.ts";
import type { PropagationRecord, RoundTripRecord } from "../result/result.ts";
import { generate, type GeneratedText } from "./generate.ts";
import type { MapOf } from "./map-of.ts";
import type { ScoredToken } from "./next-token.ts";
import type { MetricValues } from "../result/result.ts";
import { askFor, distributionOf, type Distribution, type MetricNeed } from "./distribution.ts";
import { metricsOf } from "./metrics.ts";
import { topOf } from "./next-token.ts";
import type { Neighbour } from "./neighbours.ts";
import { propagationOf, propagationTaps } from "./propagation.ts";
import type { SourceReading } from "./read-source.ts";
import type { CleanTarget, VectorOf } from "./target.ts";
import { inOnePass } from "./target.ts";
import { writeRows } from "./write-rows.ts";

/** What a cell says: the first token's top K, and the generated tokens where any were asked for. */
export interface CellReadOut extends GeneratedText {
  readonly next: readonly ScoredToken[];
  readonly propagation?: PropagationRecord;
  readonly neighbours?: readonly Neighbour[];
  readonly roundTrip?: RoundTripRecord;
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
  readonly decode?: ((tokens: readonly number[]) => string) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the number of tokens that rows have got since the last call. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
  /** Called after each step of generation with what the cells say so far, in the batch's order. */
  readonly onTexts?: ((readOuts: readonly CellReadOut[]) => void) | undefined;
}

/** Reads a batch of cells, in its order. */
export async function readCells(batch: CellBatch): Promise<SampledReadOut[]> {
  const { plan, engine, target, cells } = batch;
  const from = cells[0]?.from ?? 0;
  const length = plan.target.tokens.length - from;
  // Each cell's target without its patch enters after the last block, behind all cells.
  const hasPriors = isContrasted(plan);
  const priors = hasPriors ? cells.map(() => unpatchedCell(plan, from)) : [];
  const rows = await writeRows(
    [...cells, ...priors].map((cell) => ({ cell, vectorOf: batch.vectorOf })),
    { plan, engine, target, mapOf: batch.mapOf, from, length, signal: batch.signal },
  );
  const isGenerating = plan.read.kind === "generate";
  const isComparing = plan.read.kind === "propagation";
  const taps = isComparing ? propagationTaps(plan, cells) : [];
  const asked = askFor(batch.need, rows.length, batch.reading?.top);
  const output = await engine.run(
    {
      kind: "prefill",
      context: { cache: target.cache, length: from },
      length,
      ...inOnePass(rows, { plan, target, from, length }),
      taps,
      keep: isGenerating,
      read: {
        // A place before the first write is read from the clean run, below; here only the row's own count.
        at: [...cells, ...priors].map(({ readAt }, row) => ({
          row,
          offset: Math.max(0, readAt - from),
        })),
        topK: plan.read.topK,
        ...asked,
        ...(isDrawing(plan) ? { logits: true } : {}),
      },
    },
    batch.signal,
  );
  assert(output.read, "the cells were read");
  const { read: readOut } = output;
  const first = cells.map((cell, row) => firstToken(cell, readOut, row, batch, asked));
  if (plan.read.kind !== "generate" || output.cache === undefined) {
    const propagations = isComparing
      ? await propagationOf({ ...batch, rows, from, length, taps: output.taps })
      : [];
    return first.map((of, row) => {
      const propagation = propagations[row];
      return { ...of, generated: [], ...(propagation && { propagation }) };
    });
  }
  const { onTexts } = batch;
  const soFar =
    onTexts &&
    ((texts: readonly CellReadOut["generated"][]): void =>
      onTexts(first.map(({ next }, row) => ({ next, generated: [...(texts[row] ?? [])] }))));
  const generated = await generate(
    { ...batch, read: plan.read, hasPriors, onTexts: soFar },
    { cache: output.cache, readOut, topK: plan.read.topK },
  );
  return first.map((of, row) => ({ ...of, generated: [], ...generated[row] }));
}

/** A cell that writes nothing: the target as it is, from the given position on. */
export function unpatchedCell(plan: Plan, from: number): PlannedCell {
  const last = plan.target.tokens.length - 1;
  const readAt = plan.read.kind === "generate" ? last : (plan.cells[0]?.readAt ?? last);
  return {
    writes: [],
    entry: plan.shape.layers,
    from,
    hidden: [],
    isOverwriting: false,
    readAt,
    sourceReadAt: plan.cells[0]?.sourceReadAt ?? 0,
    isPair: false,
  };
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
