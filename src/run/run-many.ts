/**
 * Many specs in few passes: those that ask the same of different sources are one plan. Their prompts are read in batches
 * and their cells are rows of the same passes, behind one run of the target; controls run once for all of them.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { LoadedMapping } from "../mapping/fitted-mapping.ts";
import { mergeKey, mergePlans, type MergedPlan } from "../plan/merge-plans.ts";
import type { Plan, State } from "../plan/plan.ts";
import type { PatchscopeResult } from "../result/result.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { runPlan, type RunOutput } from "./run-plan.ts";
import { prepareRun, type PreparedRun, type ReadyModel, type RunSpecOptions } from "./run-spec.ts";
import type { StatesAt } from "./sources.ts";
import { capturePrompts } from "./vectors.ts";

export interface RunManyOptions extends Pick<
  RunSpecOptions,
  "signal" | "mappings" | "target" | "vectors" | "memory"
> {
  /** Called with how many specs have run. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** Specs are looked at together until they have this many cells: a few passes of every target. */
const WINDOW_CELLS = 1024;
const WINDOW_SPECS = 256;

/**
 * Runs specs of the same models and gives their results in their order: those of {@link runSpec}, in fewer passes.
 * What was given before it was stopped is whole.
 * @throws `spec-invalid` for the first spec that cannot run, before those near it do; `engine`; `aborted`
 * @example
 * const specs = countries.map((name) => presetSpec("entity", { prompt: `We went to ${name}`, model }));
 * for await (const result of runMany(specs, loaded)) console.log(result.cells[0]?.text);
 */
export async function* runMany(
  specs: Iterable<PatchscopeSpec>,
  on: ReadyModel,
  options: RunManyOptions = {},
): AsyncGenerator<PatchscopeResult, void, undefined> {
  const reading = { ...options, mappings: options.mappings && once(options.mappings) };
  let done = 0;
  let window: PreparedRun[] = [];
  let cells = 0;
  const results = async function* (): AsyncGenerator<PatchscopeResult, void, undefined> {
    for (const result of await runWindow(window, options)) {
      options.onProgress?.(++done);
      yield result;
    }
    window = [];
    cells = 0;
  };
  for (const spec of specs) {
    const run = await prepareRun(spec, on, reading);
    window.push(run);
    cells += run.plan.cells.length;
    if (cells >= WINDOW_CELLS || window.length >= WINDOW_SPECS) yield* results();
  }
  if (window.length > 0) yield* results();
}

/** Reads each file once. */
function once(read: (file: string) => Promise<LoadedMapping>): typeof read {
  const files = new Map<string, Promise<LoadedMapping>>();
  return (file) => {
    const known = files.get(file) ?? read(file);
    files.set(file, known);
    return known;
  };
}

/** The results of some specs, in their order. */
async function runWindow(
  runs: readonly PreparedRun[],
  limits: Pick<RunManyOptions, "signal" | "memory">,
): Promise<readonly PatchscopeResult[]> {
  const groups = new Map<string, number[]>();
  for (const [index, { plan }] of runs.entries()) {
    const key = mergeKey(plan) ?? `alone ${index}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(index);
  }
  const results: PatchscopeResult[] = [];
  for (const indices of groups.values()) {
    const group = indices.flatMap((index) => runs[index] ?? []);
    for (const [at, result] of (await runGroup(group, limits)).entries()) {
      const index = indices[at];
      assert(index !== undefined, "every result has its spec");
      results[index] = result;
    }
  }
  return results;
}

/** The results of specs whose plans can be merged. */
async function runGroup(
  runs: readonly PreparedRun[],
  { signal, memory }: Pick<RunManyOptions, "signal" | "memory">,
): Promise<PatchscopeResult[]> {
  const [first] = runs;
  assert(first, "a group has specs");
  const { engine, parts } = first;
  const begin = performance.now();
  if (runs.length === 1) {
    const output = await runPlan(first.plan, engine, { ...parts, signal, memory });
    return [first.result(output, performance.now() - begin)];
  }
  const plans = runs.map(({ plan }) => plan);
  const merged = mergePlans(plans);
  const source = await statesOf(plans, merged, parts.sourceEngine ?? engine, signal);
  const output = await runPlan(merged.plan, engine, { ...parts, source, signal, memory });
  // What each took of the time that they took together.
  const runMs = (performance.now() - begin) / runs.length;
  return runs.map((run, index) => run.result(partOf(output, run.plan, merged, index), runMs));
}

function partOf(output: RunOutput, plan: Plan, { parts }: MergedPlan, index: number): RunOutput {
  const from = parts[index]?.cell ?? 0;
  return { ...output, cells: output.cells.slice(from, from + plan.cells.length) };
}

/** The states that the cells of merged plans write, and no others: prompts run in batches of like lengths. */
async function statesOf(
  plans: readonly Plan[],
  { plan, parts }: MergedPlan,
  engine: Engine,
  signal: AbortSignal | undefined,
): Promise<StatesAt> {
  const picked = new Map<string, Float32Array>();
  const order = [...plans.keys()].toSorted((a, b) => lengthOf(plans, a) - lengthOf(plans, b));
  for (let from = 0; from < order.length; from += PROMPTS_AT_ONCE) {
    const some = order.slice(from, from + PROMPTS_AT_ONCE);
    const prompts = some.map((index) => plans[index]?.capture.tokens ?? []);
    const captured = await capturePrompts(engine, prompts, plan.capture.states, signal);
    for (const [at, index] of some.entries()) {
      const offset = parts[index]?.position ?? 0;
      const states = captured[at];
      assert(states, "every prompt was captured");
      for (const { writes } of plans[index]?.cells ?? []) {
        for (const { from: state } of writes) {
          const key = keyOf({ ...state, position: state.position + offset });
          if (!picked.has(key)) picked.set(key, states.at(state).slice());
        }
      }
    }
  }
  return {
    at: (state) => {
      const found = picked.get(keyOf(state));
      assert(found, "every state that is written was read");
      return found;
    },
  };
}

/** All states of so many prompts are held until those that are wanted are picked. */
const PROMPTS_AT_ONCE = 32;

function lengthOf(plans: readonly Plan[], index: number): number {
  return plans[index]?.capture.tokens.length ?? 0;
}

function keyOf({ site, layer, position }: State): string {
  return `${site}.${layer}.${position}`;
}
