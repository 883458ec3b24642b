/** Evidence for cells that were read: each text scored under the controls, and held against them. */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { EVIDENCE_TOKENS, evidenceByToken } from "../measure/evidence.ts";
import type { Plan } from "../plan/plan.ts";
import { byControl, controlVectors, isByPosition } from "./control-vectors.ts";
import type { MapOf } from "./map-of.ts";
import type { RunLimits } from "./memory.ts";
import type { CellReadOut } from "./read-cells.ts";
import type { CellOutput, ReadyCell, RunOptions, RunOutput } from "./run-plan.ts";
import type { TextScore } from "./score.ts";
import { scoreTexts } from "./score.ts";
import type { RunSources } from "./sources.ts";
import type { CleanTarget } from "./target.ts";

/** Whether a plan's cells have evidence. */
export function hasEvidence({ read, controls }: Plan): boolean {
  if (read.kind !== "generate") return false;
  const { unpatched, unrelated, contrast, mean, random } = controls;
  return unpatched || unrelated.length + contrast.length + mean.length + random > 0;
}

/** What was read, with the evidence of each cell that has none yet. */
export async function addEvidence(
  plan: Plan,
  engine: Engine,
  parts: {
    readonly output: RunOutput;
    readonly source: RunSources["source"];
    readonly mapOf: MapOf;
    readonly target: CleanTarget;
    readonly limits: RunLimits | undefined;
    readonly options: RunOptions;
  },
): Promise<RunOutput> {
  const { output, source, mapOf, target, limits, options } = parts;
  const { signal, sourceEngine = engine } = options;
  const controls = await controlVectors(plan, sourceEngine, source, signal);
  // Where a stop string came first of all, there is nothing to score.
  const tasks = plan.cells.flatMap((cell, index) => {
    // Of an earlier run.
    if (output.cells[index]?.logprobUnder !== undefined) return [];
    const generated = output.cells[index]?.generated ?? [];
    const text = generated.slice(0, EVIDENCE_TOKENS).map(({ token }) => token);
    return text.length === 0 ? [] : [{ index, cell, text }];
  });
  let done = 0;
  const total = tasks.length;
  options.onEvent?.({ kind: "progress", phase: "score", done, total });
  const cells: CellOutput[] = [...output.cells];
  const said = new Set(tasks.map(({ index }) => index));
  const unsaid = output.cells.flatMap((cell, index): ReadyCell[] =>
    said.has(index) ? [] : [{ index, output: cell }],
  );
  if (unsaid.length > 0) options.onEvent?.({ kind: "cells", cells: unsaid });
  await scoreTexts(tasks, {
    plan,
    engine,
    target,
    controls,
    isByPosition: isByPosition(plan),
    mapOf,
    passTokens: limits?.maxTokens,
    signal,
    onScored: (scored) => {
      const ready = scored.map(({ index: task, score }): ReadyCell => {
        const index = tasks[task]?.index ?? 0;
        const cell = output.cells[index];
        assert(cell, "what is scored was read");
        return { index, output: { ...cell, ...evidenceOfCell(cell, score, plan) } };
      });
      for (const { index, output: cell } of ready) cells[index] = cell;
      done += ready.length;
      options.onEvent?.({ kind: "cells", cells: ready });
      options.onEvent?.({ kind: "progress", phase: "score", done, total });
    },
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
