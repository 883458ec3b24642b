/**
 * The vectors that a text is scored with in place of its own: states of sentences, their mean, random ones. Each is
 * a {@link VectorOf}; which of them a plan has, and in which order, is said once, here.
 */
import type { Engine } from "../engine/engine.ts";
import { normOf } from "../mapping/mapping.ts";
import { meanOf as meanOfVectors } from "../mapping/vector-algebra.ts";
import type { Capture, Plan, PlannedOtherVector, PlannedSentence, Write } from "../plan/plan.ts";
import { chanceOf } from "./next-token.ts";
import type { StatesAt } from "./sources.ts";
import type { VectorOf } from "./target.ts";
import type { PromptStates } from "./vectors.ts";
import { capturePrompts, placeKey } from "./vectors.ts";

/** One value for each of a plan's control vectors, in the order in which they are scored. */
export interface ByControl<T> {
  readonly unrelated: readonly T[];
  readonly contrast: readonly T[];
  readonly mean: readonly T[];
  readonly random: readonly T[];
}

/** The control vectors of a plan. Sentences go through the model once, and not again for plans with the same ones. */
export async function controlVectors(
  plan: Plan,
  engine: Engine,
  source: StatesAt,
  signal?: AbortSignal,
): Promise<VectorOf[]> {
  const { unrelated, contrast, mean, random } = plan.controls;
  // The mean is of the unrelated ones, where they are controls themselves.
  const others = [...(unrelated.length > 0 ? unrelated : mean), ...contrast];
  const sentences = others.filter((other) => "prompt" in other);
  const prompts = sentences.map(({ tokens }) => tokens);
  const states = await readOnce(engine, prompts, plan.capture.states, signal);
  const own = others.map((other) =>
    "prompt" in other
      ? stateOf(other, states[sentences.indexOf(other)])
      : otherVector(other, plan.source, source),
  );
  const averaged = own.slice(0, mean.length);
  return [
    ...own.slice(unrelated.length > 0 ? 0 : mean.length),
    ...(mean.length > 0 ? [meanOf(averaged)] : []),
    ...randomVectors(plan.seed, random, source),
  ];
}

/** Whether a plan's control vectors depend on which position of the source is read, and not on its site and layer alone. */
export function isByPosition({ controls, source }: Plan): boolean {
  const { unrelated, contrast, mean, random } = controls;
  const isOfFile = [...unrelated, ...contrast, ...mean].some((other) => !("prompt" in other));
  return random > 0 || (isOfFile && source.file?.positions !== undefined);
}

/** Another vector of the source's file. */
function otherVector(
  other: PlannedOtherVector,
  { file }: Plan["source"],
  source: StatesAt,
): VectorOf {
  if ("item" in other) return ({ from }) => source.at(from, other.item);
  if ("position" in other) return ({ from }) => source.at({ ...from, position: other.position });
  const { positions = 1 } = file ?? {};
  return ({ from }) => source.at({ ...from, position: (from.position + other.behind) % positions });
}

/** Of each engine what it read last: most runs of a session are held against the same sentences. */
const lastRead = new WeakMap<
  Engine,
  { readonly asked: string; readonly states: readonly PromptStates[] }
>();

async function readOnce(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  places: Capture["states"],
  signal: AbortSignal | undefined,
): Promise<readonly PromptStates[]> {
  // Runs without sentences forget none.
  if (prompts.length === 0) return [];
  const asked = JSON.stringify([prompts, places]);
  const last = lastRead.get(engine);
  if (last?.asked === asked) return last.states;
  const states = await capturePrompts(engine, prompts, places, signal);
  lastRead.set(engine, { asked, states });
  return states;
}

/** Sorts what the control vectors gave by kind. */
export function byControl<T>({ controls }: Plan, values: readonly T[]): ByControl<T> {
  const { unrelated, contrast, mean } = controls;
  const fromContrast = unrelated.length;
  const fromMean = fromContrast + contrast.length;
  const fromRandom = fromMean + (mean.length > 0 ? 1 : 0);
  return {
    unrelated: values.slice(0, fromContrast),
    contrast: values.slice(fromContrast, fromMean),
    mean: values.slice(fromMean, fromRandom),
    random: values.slice(fromRandom),
  };
}

function stateOf({ position }: PlannedSentence, states: PromptStates | undefined): VectorOf {
  return ({ from }) => states?.at({ ...from, position }) ?? new Float32Array(0);
}

/** The mean of some vectors, made once for each state that is read. */
function meanOf(vectors: readonly VectorOf[]): VectorOf {
  const keyOf = ({ from }: Write): string => `${placeKey(from)}.${from.position}`;
  return once(keyOf, (write) => meanOfVectors(vectors.map((vectorOf) => vectorOf(write))));
}

/** Vectors in random directions, each as long as the state of the source that it replaces. */
function randomVectors(seed: number, count: number, source: StatesAt): VectorOf[] {
  return Array.from({ length: count }, (_, index) => {
    const gaussianOf = once(
      ({ from }) => placeKey(from),
      ({ from }) => gaussian({ seed, layer: from.layer, index }, source.at(from).length),
    );
    return (write) => {
      const direction = gaussianOf(write);
      const factor = normOf(source.at(write.from)) / normOf(direction);
      return direction.map((value) => value * factor);
    };
  });
}

/** Independent standard normal numbers, `[hidden]`: the same for the same seed, layer and index. */
export function gaussian(
  { seed, layer, index }: { readonly seed: number; readonly layer: number; readonly index: number },
  hiddenSize: number,
): Float32Array {
  // Cells count from 0, so that what is drawn here is nothing that a cell's tokens are drawn from.
  const chance = (at: number): number => chanceOf(seed, ~layer, 2 * hiddenSize * index + at);
  // Box and Muller, with 1 - chance in place of 0.
  return Float32Array.from({ length: hiddenSize }, (_, at) => {
    const radius = Math.sqrt(-2 * Math.log(1 - chance(2 * at)));
    return radius * Math.cos(2 * Math.PI * chance(2 * at + 1));
  });
}

function once(keyOf: (write: Write) => string, make: VectorOf): VectorOf {
  const made = new Map<string, Float32Array>();
  return (write) => {
    const key = keyOf(write);
    const vector = made.get(key) ?? make(write);
    made.set(key, vector);
    return vector;
  };
}
