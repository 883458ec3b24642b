/**
 * A Patchscope as a call: the tuple (S, i, M, l), (T, i*, f, M*, l*) and a loaded model in, cells out.
 * Nothing runs here: the run's events become an iteration.
 */
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import { parseSpec } from "../spec/schema.ts";
import type { SpecInput } from "../spec/spec-input.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { runSpec, type ReadyModel, type RunSpecOptions } from "./run-spec.ts";

export type SweepOptions = Omit<RunSpecOptions, "onCells">;

/**
 * Runs a spec whose defaults may be left out; the source's model is the loaded one.
 * @throws `spec-invalid` before anything runs; `engine`; `aborted`
 * @example
 * const result = await patchscope({ source: { prompt: "…" }, target: { prompt: "…" } }, loaded);
 */
export async function patchscope(
  spec: SpecInput,
  on: ReadyModel,
  options: RunSpecOptions = {},
): Promise<PatchscopeResult> {
  return runSpec(wholeSpec(spec, on), on, options);
}

/**
 * Runs a spec and gives each cell once, as soon as it is complete: when its batch of rows is read, or with its
 * evidence where the spec asks for any. Leaving the loop stops the run. The iteration's return value is the result.
 * @throws `spec-invalid` before anything runs; `engine`; `aborted`
 * @example
 * for await (const cell of sweep({ source: { prompt: "…" }, target: { prompt: "…" } }, loaded)) console.log(cell.text);
 */
export async function* sweep(
  spec: SpecInput,
  on: ReadyModel,
  options: SweepOptions = {},
): AsyncGenerator<CellRecord, PatchscopeResult, undefined> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const ready: CellRecord[] = [];
  const state = { isOver: false, wake: (): void => undefined };
  const onCells = (cells: readonly CellRecord[]): void => {
    ready.push(...cells);
    state.wake();
  };
  const run = runSpec(wholeSpec(spec, on), on, { ...options, signal, onCells }).finally(() => {
    state.isOver = true;
    state.wake();
  });
  const settled = run.catch(() => undefined);
  try {
    for (;;) {
      for (let cell = ready.shift(); cell !== undefined; cell = ready.shift()) yield cell;
      if (state.isOver) return await run;
      await new Promise<void>((resolve) => (state.wake = resolve));
    }
  } finally {
    // Whoever leaves the loop early has nothing running behind it, and no cache of the run is left.
    stop.abort();
    await settled;
  }
}

function wholeSpec(spec: SpecInput, { model }: ReadyModel): PatchscopeSpec {
  return parseSpec({
    version: 1,
    ...spec,
    source: { ...spec.source, model: spec.source.model ?? model.name },
  });
}
