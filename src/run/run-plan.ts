/**
 * Plan × engine → what every cell says and how far it depends on its vector.
 * Numbers and token ids only: texts are the result's business.
 */
import type { WeightTensor } from "../engine/architecture.ts";
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { FittedMapping } from "../mapping/fitted-mapping.ts";
import type { LoadedVectors } from "../mapping/vector-file.ts";
import { groupCells, type CellGroup } from "../plan/group-cells.ts";
import type { Plan } from "../plan/plan.ts";
import type { VectorFiles } from "../plan/vectors.ts";
import type { CellEvidence } from "../result/result.ts";
import type { ReadSpec } from "../spec/spec.ts";
import { addEvidence, hasEvidence } from "./add-evidence.ts";
import { likePair, type FinalNorm } from "./compat-pair.ts";
import { metricNeed, type MetricNeed } from "./distribution.ts";
import { mapOfPlan, type MapOf } from "./map-of.ts";
import { limitsWithin, type RunLimits } from "./memory.ts";
import { meanOfMetrics } from "./metrics.ts";
import { nearestRows } from "./neighbours.ts";
import type { CellBatch, CellReadOut } from "./read-cells.ts";
import { unpatchedCell } from "./read-cells.ts";
import { readSamples } from "./read-samples.ts";
import { readSource, sourceMetrics, type SourceReading } from "./read-source.ts";
import { replacementsOf } from "./replacements.ts";
import { readBack } from "./round-trip.ts";
import { readTextsOnly } from "./read-text-only.ts";
import type { RunSources } from "./sources.ts";
import { readSources } from "./sources.ts";
import type { CleanTarget, VectorOf } from "./target.ts";
import { runCleanTarget } from "./target.ts";

export type RunPhase = "read" | "score";

/** The matrices that have a row for each token. */
export interface VocabularyMatrices {
  readonly input: WeightTensor;
  readonly output: WeightTensor;
}

/** What happens while a plan runs. */
export type RunEvent =
  | {
      readonly kind: "progress";
      readonly phase: RunPhase;
      readonly done: number;
      readonly total: number;
    }
  /** What cells say so far that are not complete: a text may still grow, or it is read and evidence is to come. */
  | { readonly kind: "words"; readonly isRead: boolean; readonly cells: readonly ReadyCell[] }
  /** Cells with everything that they will have, each once: when they are read, or scored where there is evidence. */
  | { readonly kind: "cells"; readonly cells: readonly ReadyCell[] }
  /** All cells are read; their evidence is not there yet. */
  | { readonly kind: "read"; readonly output: RunOutput };

export interface RunOptions {
  /** Tokens that end a generation. */
  readonly endTokens: ReadonlySet<number>;
  /** What tokens write together; needed where the plan has stop strings. */
  readonly decode?: ((tokens: readonly number[]) => string) | undefined;
  /** A text as a prompt; needed where the plan has round trips. */
  readonly encode?: ((text: string) => readonly number[]) | undefined;
  /** What a mapping from a file holds; needed where the plan has one. */
  readonly fitted?: FittedMapping | undefined;
  /** The source's, where the target's model is another one. */
  readonly sourceEngine?: Engine | undefined;
  /** What is in files of vectors; needed where the plan has some. */
  readonly vectors?: VectorFiles<LoadedVectors> | undefined;
  /** The model's final norm; needed where the plan is to be as the paper's code. */
  readonly finalNorm?: FinalNorm | undefined;
  /** `[vocab, hidden]`; needed where neighbours are read. */
  readonly matrices?: VocabularyMatrices | undefined;
  /** The states that cells write, where they were read before; else the source of the plan is run. */
  readonly source?: RunSources["source"] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  /** Whether somebody looks at cells before all are there: then those that show most come first. */
  readonly isWatched?: boolean | undefined;
  /** Bytes that the run may take beside the model; as much as is fast where nobody says. Cells are the same either way. */
  readonly memory?: number | undefined;
  /** What is known of cells from an earlier run of the same plan, by their numbers; what lacks evidence is scored. */
  readonly known?: ReadonlyMap<number, CellOutput> | undefined;
}

/** Evidence where tokens were generated and controls ran; which words carry it is the result's to say. */
export interface CellOutput extends CellReadOut, Omit<CellEvidence, "evidencePieces"> {}

/** A cell that is complete, by its number in the plan. */
export interface ReadyCell {
  readonly index: number;
  readonly output: CellOutput;
}

export interface RunOutput {
  /** In the plan's order. */
  readonly cells: readonly CellOutput[];
  /** What the target prompt says without a patch, where that was asked for. */
  readonly unpatched: CellReadOut | undefined;
  /** What it says with the source's text in the vector's place. */
  readonly textOnly: CellReadOut | undefined;
  /** What the source's own run says next, and the metrics of that; only where there are any. */
  readonly source?: Pick<CellReadOut, "next" | "metrics">;
}

/** Runs a plan; `engine` has the target's model. Throws `aborted` when the signal says so. */
export async function runPlan(plan: Plan, engine: Engine, options: RunOptions): Promise<RunOutput> {
  const { signal, sourceEngine = engine } = options;
  const files = options.vectors ?? new Map();
  const { source, named } =
    options.source === undefined
      ? await readSources(plan, sourceEngine, files, signal)
      : { source: options.source, named: new Map<string, VectorOf>() };
  const mapOf = likePair(plan, options.finalNorm, (normed) =>
    mapOfPlan(plan, options.fitted, normed(named)),
  );
  if (plan.read.kind === "neighbours") {
    return readNeighbours(plan, plan.read, { source, mapOf, options });
  }
  const limits = limitsWithin(options.memory, plan, engine.architecture);
  const need = metricNeed(plan);
  const isSourceRead = plan.metrics.length > 0 && plan.isSourceComparable;
  const reading = isSourceRead ? await readSource(plan, sourceEngine, need, signal) : undefined;
  const targets: CleanTarget[] = [];
  try {
    for (const replacements of await replacementsOf(plan, engine, files, signal)) {
      const given = { need, sourceTop: reading?.top, replacements };
      targets.push(await runCleanTarget(plan, engine, given, signal));
    }
    const read = await readAll(plan, engine, {
      ...{ source, mapOf, reading, need, targets, limits, options },
    });
    const said: RunOutput = { ...read, ...ownOfSource(plan, reading, targets) };
    const output = await addRoundTrips(plan, sourceEngine, { output: said, source, options });
    const [target] = targets;
    if (!hasEvidence(plan) || target === undefined) {
      const cells = output.cells.map((cell, index): ReadyCell => ({ index, output: cell }));
      if (isReadBack(plan)) options.onEvent?.({ kind: "cells", cells });
      return output;
    }
    options.onEvent?.({ kind: "read", output });
    return await addEvidence(plan, engine, {
      ...{ output, source, mapOf, target, limits, options },
    });
  } finally {
    for (const target of targets) target.cache.dispose();
  }
}

/** Nothing is run but the source. */
async function readNeighbours(
  plan: Plan,
  read: Extract<ReadSpec, { kind: "neighbours" }>,
  {
    source,
    mapOf,
    options,
  }: {
    readonly source: RunSources["source"];
    readonly mapOf: MapOf;
    readonly options: RunOptions;
  },
): Promise<RunOutput> {
  const { matrices, signal, onEvent } = options;
  assert(matrices, "the vocabulary's matrices are there");
  const vectors = plan.cells.flatMap(({ writes: [write] }) =>
    write === undefined ? [] : [mapOf(write, source.at(write.from))],
  );
  const found = await nearestRows(vectors, matrices[read.of], {
    topK: read.topK,
    signal,
    onRows: (share) => {
      const done = Math.round(share * vectors.length);
      onEvent?.({ kind: "progress", phase: "read", done, total: vectors.length });
    },
  });
  const cells = found.map((neighbours) => ({ next: [], generated: [], neighbours }));
  onEvent?.({ kind: "cells", cells: cells.map((output, index) => ({ index, output })) });
  return { cells, unpatched: undefined, textOnly: undefined };
}

/** Whether a cell is only ready when its text has been read back in. */
function isReadBack({ read }: Plan): boolean {
  return read.kind === "generate" && read.roundTrip === true;
}

/** What the source's own run says next; nothing without metrics, or where cells are held against several places of it. */
function ownOfSource(
  plan: Plan,
  reading: SourceReading | undefined,
  targets: readonly CleanTarget[],
): Pick<RunOutput, "source"> {
  if (reading?.top === undefined) return {};
  const { next } = reading;
  const metrics = targets.map((target) => sourceMetrics(plan, reading, target.distributionAt));
  return { source: { next, metrics: meanOfMetrics(metrics) } };
}

async function readAll(
  plan: Plan,
  engine: Engine,
  parts: {
    readonly source: RunSources["source"];
    readonly mapOf: MapOf;
    readonly reading: SourceReading | undefined;
    readonly need: MetricNeed;
    readonly targets: readonly CleanTarget[];
    readonly limits: RunLimits | undefined;
    readonly options: RunOptions;
  },
): Promise<Omit<RunOutput, "source">> {
  const { source, mapOf, reading, need, targets, limits, options } = parts;
  const outputs: CellOutput[] = [];
  const { textOnly: text } = plan.controls;
  const count = plan.cells.length + (plan.controls.unpatched ? 1 : 0) + (text ? 1 : 0);
  const steps = plan.read.kind === "generate" ? plan.read.maxTokens : targets.length;
  let done = 0;
  const onTokens = (tokens: number): void => {
    done += tokens;
    options.onEvent?.({ kind: "progress", phase: "read", done, total: count * steps });
  };
  let unpatched: CellReadOut | undefined;
  const { isWatched, known = new Map<number, CellOutput>() } = options;
  for (const [index, cell] of known) outputs[index] = cell;
  const isComplete = !hasEvidence(plan) && !isReadBack(plan);
  if (isComplete && known.size > 0) {
    const cells = Array.from(known, ([index, output]): ReadyCell => ({ index, output }));
    options.onEvent?.({ kind: "cells", cells });
  }
  const groups = groupCells(plan, { ...limits, isWatched, without: new Set(known.keys()) });
  // Where all is known, the target without a patch is read alone.
  const from = plan.cells[0]?.from ?? 0;
  const alone = { from, length: plan.target.tokens.length - from, cells: [] };
  for (const [index, group] of (groups.length > 0 ? groups : [alone]).entries()) {
    const cells = group.cells.map((cell) => plan.cells[cell]).filter((cell) => cell !== undefined);
    // The target without a patch is one more row of the first batch: it enters after the last block.
    const clean = index === 0 && plan.controls.unpatched ? [unpatchedCell(plan, group.from)] : [];
    const batch: Omit<CellBatch, "target"> = {
      plan,
      engine,
      reading,
      need,
      cells: [...cells, ...clean],
      numbers: [...group.cells, ...clean.map(() => plan.cells.length)],
      vectorOf: ({ from }) => source.at(from),
      mapOf,
      endTokens: options.endTokens,
      decode: options.decode,
      signal: options.signal,
      onTokens,
      ...(isWatched && {
        onTexts: (texts) =>
          options.onEvent?.({ kind: "words", isRead: false, cells: readyOf(group, texts) }),
      }),
    };
    if (batch.cells.length === 0) continue;
    const read = await readSamples(batch, targets);
    unpatched ??= read[cells.length];
    const ready = readyOf(group, read);
    for (const { index: cell, output } of ready) outputs[cell] = output;
    if (ready.length === 0) continue;
    options.onEvent?.(
      isComplete ? { kind: "cells", cells: ready } : { kind: "words", isRead: true, cells: ready },
    );
  }
  const { endTokens, decode, signal } = options;
  const asIs = { plan, engine, endTokens, decode, signal, onTokens };
  const [textOnly] = await readTextsOnly(text ? [text] : [], asIs);
  return { cells: outputs, unpatched, textOnly };
}

/** The cells of a batch with what was read of them; behind them may be more rows. */
function readyOf({ cells }: CellGroup, readOuts: readonly CellReadOut[]): readonly ReadyCell[] {
  return cells.map((index, row) => {
    const output = readOuts[row];
    assert(output, "every cell was read");
    return { index, output };
  });
}

/** Reads each cell's text back in, where that was asked for. */
async function addRoundTrips(
  plan: Plan,
  engine: Engine,
  parts: {
    readonly output: RunOutput;
    readonly source: RunSources["source"];
    readonly options: RunOptions;
  },
): Promise<RunOutput> {
  const { output, source, options } = parts;
  const { decode, encode, endTokens, signal } = options;
  if (plan.read.kind !== "generate" || plan.read.roundTrip !== true) return output;
  assert(decode && encode, "round trips need texts");
  const texts = output.cells.map(({ generated, textLength }) => {
    const tokens = generated.map(({ token }) => token).filter((token) => !endTokens.has(token));
    return decode(tokens).slice(0, textLength);
  });
  const trips = await readBack(texts, { plan, engine, source, encode, signal });
  const cells = output.cells.map((cell, index): CellOutput => {
    const roundTrip = trips[index];
    return { ...cell, ...(roundTrip && { roundTrip }) };
  });
  return { ...output, cells };
}
