/** What a cell writes, the slow way: each vector read in a run of its own, mapped step by step, and mixed with what is there. */
import type { Engine, Patch } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import type { Plan, PlannedCell, State, Write } from "../../src/plan/plan.ts";

/** What runs from the beginning: an engine, or one with something done to it. */
export type Runs = Pick<Engine, "architecture" | "run">;

export type SlowWrite = Omit<Patch, "row">;

/** What else there is where the source runs in a model of its own. */
export interface SlowSource {
  readonly engine: Engine;
  /** f, by the names of the two layers. */
  readonly map: (vector: Float32Array, names: Write["names"]) => Float32Array;
}

/** How vectors become what is written: mapped, and mixed with what is there. */
export async function putting(
  {
    plan,
    reader,
    target,
    cell,
  }: {
    readonly plan: Plan;
    readonly reader: Engine;
    readonly target: Runs;
    readonly cell: PlannedCell;
  },
  source?: SlowSource,
): Promise<(writes: readonly SlowWrite[]) => Promise<SlowWrite[]>> {
  const named = await namedVectors(plan, reader, cell);
  return (writes) => {
    const through = writes.map((write, at) => {
      const { factor, names } = cell.writes[at] ?? {};
      assert(names, "every write has its layers");
      const own = source === undefined ? write.vector : source.map(write.vector, names);
      return { ...write, vector: throughF(plan, own, { named: named[at] ?? {}, factor }) };
    });
    return mixed(plan, target, cell.isOverwriting ? withBlocksBelow(through) : through);
  };
}

/** The vectors of a cell's writes, read from a prompt at the places that `placeOf` says. */
export async function writesOf(
  engine: Engine,
  prompt: readonly number[],
  cell: PlannedCell,
  placeOf: (write: Write) => State,
): Promise<SlowWrite[]> {
  const { hiddenSize } = engine.architecture;
  const { taps } = await engine.run({
    kind: "prefill",
    length: prompt.length,
    rows: [{ tokens: prompt }],
    taps: cell.writes.map(({ from: { site, layer } }) => ({ site, layer })),
  });
  return cell.writes.map((write, index) => {
    const { position } = placeOf(write);
    const vector = taps[index]?.slice(position * hiddenSize, (position + 1) * hiddenSize);
    assert(vector, "the state was read");
    return { site: write.to.site, layer: write.to.layer, offset: write.to.position, vector };
  });
}

/** The vectors that the mapping names, for each write of a cell: each from a run of its own. */
async function namedVectors(
  plan: Plan,
  engine: Engine,
  cell: PlannedCell,
): Promise<Record<string, Float32Array>[]> {
  return oneByOne(cell.writes, async (write) => {
    const vectors = await oneByOne(plan.sources, async ({ name, tokens, place, position }) => {
      const from = { ...(place === "same" ? write.from : place), position };
      const one = { ...cell, writes: [{ ...write, from }] };
      const [read] = await writesOf(engine, tokens, one, () => from);
      return [name, read?.vector ?? new Float32Array(0)] as const;
    });
    return Object.fromEntries(vectors);
  });
}

/** f, step by step. */
function throughF(
  { mapping }: Plan,
  vector: Float32Array,
  by: { readonly named: Record<string, Float32Array>; readonly factor: number | undefined },
): Float32Array {
  const named = (name: string): Float32Array => by.named[name] ?? new Float32Array(0);
  const average = (some: readonly Float32Array[]): Float32Array =>
    (some[0] ?? vector).map(
      (_, unit) => some.map((each) => each[unit] ?? 0).reduce((a, b) => a + b) / some.length,
    );
  let state = vector;
  for (const step of mapping) {
    const before = state;
    const times = (factor: number): Float32Array => before.map((value) => value * factor);
    if (step.kind === "scale") {
      state = times(typeof step.factor === "number" ? step.factor : (by.factor ?? NaN));
    } else if (step.kind === "scalar-affine") {
      state = before.map((value) => value * step.factor + step.bias);
    } else if (step.kind === "normalise") state = times(step.norm / Math.hypot(...before));
    else if (step.kind === "mean") state = average([before, ...step.with.map(named)]);
    else if (step.kind === "difference") {
      const other = average(step.with.map(named));
      state = before.map((value, unit) => value - (other[unit] ?? 0));
    } else if (step.kind === "projection") {
      const onto = named(step.onto[0] ?? "");
      assert(step.onto.length === 1, "the slow way projects onto one vector");
      const dot = (a: Float32Array): number =>
        a.reduce((sum, value, unit) => sum + value * (onto[unit] ?? 0), 0);
      const share = dot(before) / dot(onto);
      const inside = onto.map((value) => value * share);
      state = step.remove ? before.map((value, unit) => value - (inside[unit] ?? 0)) : inside;
    } else if (step.kind === "interpolation") {
      const other = named(step.with);
      const { amount } = step;
      state = before.map((value, unit) => value + amount * ((other[unit] ?? 0) - value));
    }
  }
  return state;
}

/** Each vector also at the input of every block below it, unless another one is written below it at the same token. */
function withBlocksBelow(writes: readonly SlowWrite[]): SlowWrite[] {
  const depth = ({ layer, site }: SlowWrite): number => (site === "resid_pre" ? layer : layer + 1);
  return writes.flatMap((write) => {
    const others = writes.filter(({ offset }) => offset === write.offset);
    if (others.some((other) => depth(other) < depth(write))) return [write];
    const below = Array.from({ length: depth(write) }, (_, layer) => ({
      ...write,
      site: "resid_pre" as const,
      layer,
    }));
    return [...below, write];
  });
}

const IN_A_BLOCK = ["resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post"];

/** The vectors through f, and each mixed with the state that is there in a run of its own with all writes below it. */
async function mixed(plan: Plan, engine: Runs, writes: readonly SlowWrite[]): Promise<SlowWrite[]> {
  const height = ({ layer, site }: SlowWrite): number => layer * 10 + IN_A_BLOCK.indexOf(site);
  const ordered =
    plan.mode === "replace" ? [...writes] : writes.toSorted((a, b) => height(a) - height(b));
  const done: SlowWrite[] = [];
  for (const write of ordered) {
    const { site, layer, offset } = write;
    const { tokens } = plan.target;
    const { taps } = await engine.run({
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      patches: done.map((earlier) => ({ ...earlier, row: 0 })),
      taps: [{ site, layer }],
    });
    const width = engine.architecture.hiddenSize;
    const there = taps[0]?.slice(offset * width, (offset + 1) * width) ?? new Float32Array(0);
    done.push({ ...write, vector: mix(plan, write.vector, there) });
  }
  return done;
}

function mix({ mode }: Plan, vector: Float32Array, there: Float32Array): Float32Array {
  const size = (of: Float32Array): number => Math.hypot(...of);
  if (mode === "replace") return vector;
  if (mode === "add") return vector.map((value, index) => value + (there[index] ?? 0));
  if (mode === "norm-matched") return vector.map((value) => (value * size(there)) / size(vector));
  if (mode === "norm-scaled") return vector.map((value) => value * size(there));
  const share = mode.interpolate;
  return vector.map((value, index) => share * value + (1 - share) * (there[index] ?? 0));
}

/** One after the other. */
export async function oneByOne<T, R>(
  values: readonly T[],
  act: (value: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await act(value));
  return results;
}
