/**
 * Plan × engine → what every cell says and how far it depends on its vector.
 * Numbers and token ids only: texts are the result's business.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { EVIDENCE_TOKENS, evidenceOf } from "../measure/evidence.ts";
import { groupCells } from "../plan/group-cells.ts";
import type { Plan, PlannedCell, Write } from "../plan/plan.ts";
import type { CellReadOut } from "./read-cells.ts";
import { readCells } from "./read-cells.ts";
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
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

export interface CellOutput extends CellReadOut {
  /** Of the first tokens, in nats; absent where nothing was generated or no control ran. */
  readonly evidence?: number;
  readonly logprobUnder?: { readonly unpatched?: number; readonly unrelated?: readonly number[] };
}

export interface RunOutput {
  /** In the plan's order. */
  readonly cells: readonly CellOutput[];
  /** What the target prompt says without a patch, where that was asked for. */
  readonly unpatched: CellReadOut | undefined;
}

/** Runs a plan. Throws `aborted` when the signal says so. */
export async function runPlan(plan: Plan, engine: Engine, options: RunOptions): Promise<RunOutput> {
  const { signal } = options;
  const [source] = await capturePrompts(engine, [plan.capture.tokens], plan.capture.states, signal);
  assert(source, "the source was captured");
  const target = await runCleanTarget(plan, engine, plan.read.topK, signal);
  try {
    const output = await readAll(plan, engine, { source, target, options });
    if (plan.read.kind !== "generate" || !hasControls(plan)) {
      return output;
    }
    options.onEvent?.({ kind: "read", output });
    return await addEvidence(plan, engine, { output, target, options });
  } finally {
    target.cache.dispose();
  }
}

function hasControls({ controls }: Plan): boolean {
  return controls.unpatched || controls.unrelated.length > 0;
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
  const count = plan.cells.length + (plan.controls.unpatched ? 1 : 0);
  const steps = plan.read.kind === "generate" ? plan.read.maxTokens : 1;
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
      vectorOf: ({ from }) => source.at(from),
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
  return { cells: outputs, unpatched };
}

/** A cell that writes nothing. */
function unpatchedCell(plan: Plan, from: number): PlannedCell {
  const last = plan.target.tokens.length - 1;
  const readAt = plan.read.kind === "generate" ? last : (plan.cells[0]?.readAt ?? last);
  return { writes: [], entry: plan.shape.layers, from, readAt, isPair: false };
}

async function addEvidence(
  plan: Plan,
  engine: Engine,
  parts: {
    readonly output: RunOutput;
    readonly target: CleanTarget;
    readonly options: RunOptions;
  },
): Promise<RunOutput> {
  const { output, target, options } = parts;
  const { signal } = options;
  const { unrelated } = plan.controls;
  const states =
    unrelated.length === 0
      ? []
      : await capturePrompts(
          engine,
          unrelated.map(({ tokens }) => tokens),
          plan.capture.states,
          signal,
        );
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
    controls: states.map(
      (prompt) =>
        ({ from }: Write) =>
          prompt.atLast(from),
    ),
    signal,
    onScored: (some) => {
      done += some;
      options.onEvent?.({ kind: "progress", phase: "score", done, total });
    },
  });
  const cells = output.cells.map((cell, index): CellOutput => {
    const score = scores[index];
    assert(score, "every cell was scored");
    const unpatched = plan.controls.unpatched ? score.unpatched : undefined;
    const underVector = cell.generated
      .slice(0, EVIDENCE_TOKENS)
      .reduce((sum, { logprob }) => sum + logprob, 0);
    const evidence = evidenceOf({ underVector, unpatched, unrelated: score.controls });
    return {
      ...cell,
      ...(evidence === undefined ? {} : { evidence }),
      logprobUnder: {
        ...(unpatched === undefined ? {} : { unpatched }),
        ...(unrelated.length === 0 ? {} : { unrelated: score.controls }),
      },
    };
  });
  return { ...output, cells };
}
