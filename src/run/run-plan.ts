/**
 * Plan × engine → what every cell says and how far it depends on its vector.
 * Numbers and token ids only: texts are the result's business.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { FittedMapping } from "../mapping/fitted-mapping.ts";
import { EVIDENCE_TOKENS, evidenceByToken } from "../measure/evidence.ts";
import { groupCells } from "../plan/group-cells.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import type { CellEvidence } from "../result/result.ts";
import { byControl, controlVectors } from "./control-vectors.ts";
import { mapOfPlan } from "./map-of.ts";
import type { CellReadOut } from "./read-cells.ts";
import { readCells } from "./read-cells.ts";
import { readTextOnly } from "./read-text-only.ts";
import type { TextScore } from "./score.ts";
import { scoreTexts } from "./score.ts";
import type { CleanTarget } from "./target.ts";
import { runCleanTarget } from "./target.ts";
import type { PromptStates } from "./vectors.ts";
import { capturePrompts } from "./vectors.ts";

export type RunPhase = "read" | "score";

/** What happens while a plan runs. */
export type RunEvent =
  | {
      readonly kind: "progress";
      readonly phase: RunPhase;
      readonly done: number;
      readonly total: number;
    }
  /** All cells are read; their evidence is not there yet. */
  | { readonly kind: "read"; readonly output: RunOutput };

export interface RunOptions {
  /** Tokens that end a generation. */
  readonly endTokens: ReadonlySet<number>;
  /** What a mapping from a file holds; needed where the plan has one. */
  readonly fitted?: FittedMapping | undefined;
  /** The states that cells write, where they were read before; else the source of the plan is run. */
  readonly source?: PromptStates | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

/** Evidence where tokens were generated and controls ran; which words carry it is the result's to say. */
export interface CellOutput extends CellReadOut, Omit<CellEvidence, "evidencePieces"> {}

export interface RunOutput {
  /** In the plan's order. */
  readonly cells: readonly CellOutput[];
  /** What the target prompt says without a patch, where that was asked for. */
  readonly unpatched: CellReadOut | undefined;
  /** What it says with the source's text in the vector's place. */
  readonly textOnly: CellReadOut | undefined;
}

/** Runs a plan. Throws `aborted` when the signal says so. */
export async function runPlan(plan: Plan, engine: Engine, options: RunOptions): Promise<RunOutput> {
  const { signal } = options;
  const source = options.source ?? (await captureSource(plan, engine, signal));
  const target = await runCleanTarget(plan, engine, plan.read.topK, signal);
  try {
    const output = await readAll(plan, engine, { source, target, options });
    if (plan.read.kind !== "generate" || !hasControls(plan)) {
      return output;
    }
    options.onEvent?.({ kind: "read", output });
    return await addEvidence(plan, engine, { output, source, target, options });
  } finally {
    target.cache.dispose();
  }
}

async function captureSource(
  { capture }: Plan,
  engine: Engine,
  signal: AbortSignal | undefined,
): Promise<PromptStates> {
  const [source] = await capturePrompts(engine, [capture.tokens], capture.states, signal);
  assert(source, "the source was captured");
  return source;
}

function hasControls({ controls }: Plan): boolean {
  const { unpatched, unrelated, contrast, mean, random } = controls;
  return unpatched || unrelated.length + contrast.length + mean.length + random > 0;
}

async function readAll(
  plan: Plan,
  engine: Engine,
  parts: {
    readonly source: PromptStates;
    readonly target: CleanTarget;
    readonly options: RunOptions;
  },
): Promise<RunOutput> {
  const { source, target, options } = parts;
  const outputs: CellReadOut[] = [];
  const { textOnly: text } = plan.controls;
  const count = plan.cells.length + (plan.controls.unpatched ? 1 : 0) + (text ? 1 : 0);
  const steps = plan.read.kind === "generate" ? plan.read.maxTokens : 1;
  const mapOf = mapOfPlan(plan, options.fitted);
  let done = 0;
  const onTokens = (tokens: number): void => {
    done += tokens;
    options.onEvent?.({ kind: "progress", phase: "read", done, total: count * steps });
  };
  let unpatched: CellReadOut | undefined;
  for (const [index, group] of groupCells(plan).entries()) {
    const cells = group.cells.map((cell) => plan.cells[cell]).filter((cell) => cell !== undefined);
    // The target without a patch is one more row of the first batch: it enters after the last block.
    const clean = index === 0 && plan.controls.unpatched ? [unpatchedCell(plan, group.from)] : [];
    const read = await readCells({
      plan,
      engine,
      target,
      cells: [...cells, ...clean],
      numbers: [...group.cells, ...clean.map(() => plan.cells.length)],
      vectorOf: ({ from }) => source.at(from),
      mapOf,
      endTokens: options.endTokens,
      signal: options.signal,
      onTokens,
    });
    for (const [at, cell] of group.cells.entries()) {
      const output = read[at];
      assert(output, "every cell was read");
      outputs[cell] = output;
    }
    unpatched ??= read[cells.length];
  }
  const { endTokens, signal } = options;
  const textOnly =
    text && (await readTextOnly(text, { plan, engine, endTokens, signal, onTokens }));
  return { cells: outputs, unpatched, textOnly };
}

/** A cell that writes nothing. */
function unpatchedCell(plan: Plan, from: number): PlannedCell {
  const last = plan.target.tokens.length - 1;
  const readAt = plan.read.kind === "generate" ? last : (plan.cells[0]?.readAt ?? last);
  return { writes: [], entry: plan.shape.layers, from, hidden: [], readAt, isPair: false };
}

async function addEvidence(
  plan: Plan,
  engine: Engine,
  parts: {
    readonly output: RunOutput;
    readonly source: PromptStates;
    readonly target: CleanTarget;
    readonly options: RunOptions;
  },
): Promise<RunOutput> {
  const { output, source, target, options } = parts;
  const { signal } = options;
  const controls = await controlVectors(plan, engine, source, signal);
  let done = 0;
  const total = plan.cells.length;
  options.onEvent?.({ kind: "progress", phase: "score", done, total });
  const tasks = plan.cells.map((cell, index) => ({
    cell,
    text: (output.cells[index]?.generated ?? [])
      .slice(0, EVIDENCE_TOKENS)
      .map(({ token }) => token),
  }));
  const scores = await scoreTexts(tasks, {
    plan,
    engine,
    target,
    controls,
    isByPosition: plan.controls.random > 0,
    mapOf: mapOfPlan(plan, options.fitted),
    signal,
    onScored: (some) => {
      done += some;
      options.onEvent?.({ kind: "progress", phase: "score", done, total });
    },
  });
  const cells = output.cells.map((cell, index): CellOutput => {
    const score = scores[index];
    assert(score, "every cell was scored");
    return { ...cell, ...evidenceOfCell(cell, score, plan) };
  });
  return { ...output, cells };
}

/** A contrast set has evidence of its own: it is of the source's kind, and unrelated sentences are not. */
function evidenceOfCell(
  cell: CellReadOut,
  score: TextScore,
  plan: Plan,
): Omit<CellOutput, keyof CellReadOut> {
  const unpatched = plan.controls.unpatched ? score.unpatched : undefined;
  const { unrelated, contrast, mean, random } = byControl(plan, score.controls);
  const underVector = cell.generated.slice(0, EVIDENCE_TOKENS).map(({ logprob }) => logprob);
  const own = evidenceByToken({ underVector, unpatched, against: unrelated });
  const other =
    contrast.length === 0
      ? undefined
      : evidenceByToken({ underVector, unpatched, against: contrast });
  return {
    ...(own && { evidence: own.total, evidenceByToken: own.byToken }),
    ...(other && { evidenceContrast: other.total, evidenceContrastByToken: other.byToken }),
    logprobUnder: {
      ...(unpatched && { unpatched: logprobOf(unpatched) }),
      ...(unrelated.length > 0 && { unrelated: unrelated.map(logprobOf) }),
      ...(contrast.length > 0 && { contrast: contrast.map(logprobOf) }),
      ...(mean[0] && { mean: logprobOf(mean[0]) }),
      ...(random.length > 0 && { random: random.map(logprobOf) }),
    },
  };
}

/** Of the whole text. */
function logprobOf(byToken: readonly number[]): number {
  return byToken.reduce((sum, logprob) => sum + logprob, 0);
}
