/**
 * Many specs in few passes. Those that ask the same of different sources are one plan: their prompts are read in batches
 * and their cells are rows of the same passes, behind one run of the target; controls run once for all of them. Plans that
 * differ run at the same time, where each is few rows: their targets and rows share passes, too.
 */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { planStatistics } from "../plan/explain.ts";
import { mergeKey, mergePlans, type MergedPlan } from "../plan/merge-plans.ts";
import type { Plan, State } from "../plan/plan.ts";
import type { PatchscopeResult } from "../result/result.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { grouped } from "./grouped.ts";
import { areFew, batchesOf, runBatch, shareOf } from "./batches.ts";
import { memoryTogether, rowsOf, tokensOfRow, type MemoryTogether } from "./memory.ts";
import type { CellReadOut } from "./read-cells.ts";
import { readTextsOnly, type TextOnlyRun } from "./read-text-only.ts";
import { remembered, VECTOR_FILES } from "./remembered.ts";
import { runPlan, type RunOptions, type RunOutput } from "./run-plan.ts";
import { prepareRun, type PreparedRun, type ReadyModel, type RunSpecOptions } from "./run-spec.ts";
import type { StatesAt } from "./sources.ts";
import { capturePrompts } from "./vectors.ts";

export interface RunManyOptions extends Pick<
  RunSpecOptions,
  "signal" | "mappings" | "target" | "vectors" | "memory"
> {
  /** Called with how many specs have run, skipped ones too: a fraction while several are under way together. */
  readonly onProgress?: ((done: number) => void) | undefined;
  /**
   * How many of the first specs have results already, which are not given again. The others run in the same passes as
   * if none were skipped, so that their numbers are the same to the last digit.
   */
  readonly skip?: number | undefined;
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
  const { mappings, vectors } = options;
  const reading = {
    ...options,
    mappings: mappings && remembered(mappings),
    vectors: vectors && remembered(vectors, VECTOR_FILES),
  };
  const { skip = 0, signal, memory, onProgress } = options;
  let done = 0;
  for await (const window of windowsOf(prepared(specs, on, reading), ({ plan }) => plan)) {
    const skipped = Math.min(window.length, Math.max(0, skip - done));
    const left = window.length - skipped;
    const before = done + skipped;
    done += window.length;
    if (left === 0) continue;
    const onShare = (share: number): void => onProgress?.(before + share * left);
    for await (const results of runWindow(window, { signal, memory, skip: skipped, onShare })) {
      yield* results;
    }
    onProgress?.(done);
  }
}

async function* prepared(
  specs: Iterable<PatchscopeSpec>,
  on: ReadyModel,
  options: Parameters<typeof prepareRun>[2],
): AsyncGenerator<PreparedRun, void, undefined> {
  for (const spec of specs) yield prepareRun(spec, on, options);
}

/** What is looked at together. */
async function* windowsOf<Run>(
  runs: AsyncIterable<Run> | Iterable<Run>,
  planOf: (run: Run) => Plan,
): AsyncGenerator<readonly Run[], void, undefined> {
  let window: Run[] = [];
  let cells = 0;
  for await (const run of runs) {
    window.push(run);
    cells += planOf(run).cells.length;
    if (cells < WINDOW_CELLS && window.length < WINDOW_SPECS) continue;
    yield window;
    window = [];
    cells = 0;
  }
  if (window.length > 0) yield window;
}

/** What plans take together. */
export interface ManyStatistics {
  readonly plans: number;
  readonly cells: number;
  /** Of rows: several plans' in one. */
  readonly passes: number;
  /** At most. */
  readonly decodeSteps: number;
}

/** Counts what {@link runMany} does for specs with these plans; holds no more of them at once than it does. */
export async function countMany(plans: AsyncIterable<Plan>): Promise<ManyStatistics> {
  const counts = { plans: 0, cells: 0, passes: 0, decodeSteps: 0 };
  for await (const window of windowsOf(plans, (plan) => plan)) {
    counts.plans += window.length;
    for (const groups of batchesOf(groupsOf(window), isSmall)) {
      const statistics = groups.map(({ plan }) => planStatistics(plan));
      counts.cells += statistics.reduce((sum, { cells }) => sum + cells, 0);
      counts.passes += Math.max(...statistics.map(({ passes }) => passes.rows));
      counts.decodeSteps += Math.max(...statistics.map(({ passes }) => passes.decode));
    }
  }
  return counts;
}

/** Plans that are one, and which these are; a plan alone is as it was. */
interface PlanGroup extends MergedPlan {
  readonly indices: readonly number[];
}

/** Which plans can be merged. */
function groupsOf(plans: readonly Plan[]): readonly PlanGroup[] {
  const groups = grouped(plans.keys(), (index) => {
    const plan = plans[index];
    return (plan && mergeKey(plan)) ?? `alone ${index}`;
  });
  return [...groups.values()].map((indices) => {
    const some = indices.flatMap((index) => plans[index] ?? []);
    const [first] = some;
    assert(first, "a group has plans");
    return some.length === 1
      ? { indices, plan: first, parts: [{ position: 0, cell: 0 }] }
      : { indices, ...mergePlans(some) };
  });
}

/** Whether groups are little enough for their rows to share passes. */
function isSmall(groups: readonly PlanGroup[]): boolean {
  return areFew(groups.map(({ plan }) => ({ rows: rowsOf(plan), tokens: tokensOfRow(plan) })));
}

/** How specs are run. */
interface Running extends Pick<RunManyOptions, "signal" | "memory"> {
  /** Called with how much is done, from 0 to 1. */
  readonly onShare: (share: number) => void;
}

/** The results of some specs, in their order, behind those that are there: each as soon as it is known with all before it. */
async function* runWindow(
  runs: readonly PreparedRun[],
  { skip, memory, signal, onShare }: Running & { readonly skip: number },
): AsyncGenerator<readonly PatchscopeResult[], void, undefined> {
  const [first] = runs;
  assert(first, "there are specs");
  const { architecture } = first.engine;
  const limitsOf = (groups: readonly PlanGroup[]): MemoryTogether | undefined => {
    const together = groups.map(({ plan }) => plan);
    return memory === undefined ? undefined : memoryTogether(memory, together, architecture);
  };
  const fit = (groups: readonly PlanGroup[]): boolean =>
    isSmall(groups) && (memory === undefined || limitsOf(groups) !== undefined);
  // What has its results is only run beside what has not.
  const batches = batchesOf(groupsOf(runs.map(({ plan }) => plan)), fit).filter((groups) =>
    groups.some(({ indices }) => indices.some((index) => index >= skip)),
  );
  const shares = new Map<PlanGroup, number>();
  const total = batches.flat().reduce((sum, { plan }) => sum + plan.cells.length, 0);
  const results: PatchscopeResult[] = [];
  let next = skip;
  for (const groups of batches) {
    const begin = performance.now();
    const limits = limitsOf(groups);
    const outputs = await runBatch(
      groups.map((group, at) => (of: (engine: Engine) => Engine) => {
        const onOwnShare = (share: number): void => {
          shares.set(group, (share * group.plan.cells.length) / total);
          onShare([...shares.values()].reduce((sum, each) => sum + each, 0));
        };
        return runGroup(
          group.indices.flatMap((index) => runs[index] ?? []),
          { merged: group, signal, of, memory: limits?.each[at] ?? memory, onShare: onOwnShare },
        );
      }),
      limits?.passes,
    );
    // What each took of the time that they took together.
    const runMs = (performance.now() - begin) / groups.flatMap(({ indices }) => indices).length;
    for (const [at, { indices }] of groups.entries()) {
      for (const [place, index] of indices.entries()) {
        const [run, output] = [runs[index], outputs[at]?.[place]];
        assert(run && output, "every spec was run");
        results[index] = run.result(output, runMs);
      }
    }
    const ready: PatchscopeResult[] = [];
    for (let result = results[next]; result !== undefined; result = results[++next]) {
      ready.push(result);
    }
    yield ready;
  }
}

/** What specs say whose plans can be merged. */
async function runGroup(
  runs: readonly PreparedRun[],
  {
    merged,
    signal,
    memory,
    onShare,
    of,
  }: Running & { readonly merged: MergedPlan; readonly of: (engine: Engine) => Engine },
): Promise<RunOutput[]> {
  const [first] = runs;
  assert(first, "a group has specs");
  const engine = of(first.engine);
  const sourceEngine = of(first.parts.sourceEngine ?? first.engine);
  const parts = { ...first.parts, sourceEngine };
  const onEvent = shareOfEvents(first.plan, onShare);
  if (runs.length === 1) {
    return [await runPlan(first.plan, engine, { ...parts, signal, memory, onEvent })];
  }
  const plans = runs.map(({ plan }) => plan);
  const source = await statesOf(plans, merged, sourceEngine, signal);
  const output = await runPlan(merged.plan, engine, { ...parts, source, signal, memory, onEvent });
  const texts = await textsOf(plans, { ...parts, plan: merged.plan, engine, signal });
  return plans.map((plan, index) => ({
    ...partOf(output, plan, merged, index),
    textOnly: texts[index],
  }));
}

/** What the model says to each plan's text without a vector, by the plan's index; nothing where that was not asked for. */
async function textsOf(
  plans: readonly Plan[],
  run: TextOnlyRun,
): Promise<readonly (CellReadOut | undefined)[]> {
  const asked = plans.flatMap(({ controls: { textOnly } }, index) =>
    textOnly === undefined ? [] : [{ textOnly, index }],
  );
  const said = await readTextsOnly(
    asked.map(({ textOnly }) => textOnly),
    run,
  );
  const texts: (CellReadOut | undefined)[] = [];
  for (const [at, { index }] of asked.entries()) texts[index] = said[at];
  return texts;
}

/** Tells how much of a plan is done. */
function shareOfEvents(
  plan: Plan,
  onShare: Running["onShare"],
): NonNullable<RunOptions["onEvent"]> {
  const { unpatched, scoredTexts } = planStatistics(plan).controls;
  const isScored = plan.read.kind === "generate" && (unpatched || scoredTexts > 0);
  return (event) => {
    if (event.kind === "progress") onShare(shareOf(event, isScored));
  };
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
