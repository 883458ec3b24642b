/** Hidden states of some prompts, read once: what cells and controls write. */
import { fillUp, type Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Capture, State } from "../plan/plan.ts";
import type { Site } from "../site.ts";

/** Prompts of this many tokens together go through the engine at once. */
const CAPTURE_TOKENS = 1024;

/** The states of one prompt. */
export class PromptStates {
  readonly tokens: readonly number[];
  readonly #hiddenSize: number;
  /** By {@link placeKey}, `[positions, hidden]`. */
  readonly #states: ReadonlyMap<string, Float32Array>;

  constructor(
    tokens: readonly number[],
    hiddenSize: number,
    states: ReadonlyMap<string, Float32Array>,
  ) {
    this.tokens = tokens;
    this.#hiddenSize = hiddenSize;
    this.#states = states;
  }

  /** A view of one state, `[hidden]`. */
  at(state: State): Float32Array {
    const { position } = state;
    return this.#all(state).subarray(
      position * this.#hiddenSize,
      (position + 1) * this.#hiddenSize,
    );
  }

  /** A view of the states from a position to the last, `[positions, hidden]`. */
  from(state: State): Float32Array {
    return this.#all(state).subarray(state.position * this.#hiddenSize);
  }

  /** The same place at the last token, whatever the prompt's length. */
  atLast(place: Pick<State, "site" | "layer">): Float32Array {
    return this.at({ ...place, position: this.tokens.length - 1 });
  }

  #all(place: Pick<State, "site" | "layer">): Float32Array {
    const all = this.#states.get(placeKey(place));
    assert(all, `state ${placeKey(place)} was not captured`);
    return all;
  }
}

/**
 * Runs prompts, of which there may be none, through the model once and reads the states asked for. Prompts of different lengths are filled
 * up on the right, which changes nothing before it: no token looks ahead.
 */
export async function capturePrompts(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  states: Capture["states"],
  signal?: AbortSignal,
): Promise<PromptStates[]> {
  const longest = Math.max(...prompts.map((tokens) => tokens.length));
  const atOnce = Math.max(1, Math.floor(CAPTURE_TOKENS / longest));
  const captured: PromptStates[] = [];
  for (let from = 0; from < prompts.length; from += atOnce) {
    const batch = prompts.slice(from, from + atOnce);
    captured.push(...(await captureBatch(engine, batch, states, signal)));
  }
  return captured;
}

async function captureBatch(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  states: Capture["states"],
  signal: AbortSignal | undefined,
): Promise<PromptStates[]> {
  const { hiddenSize } = engine.architecture;
  const length = Math.max(...prompts.map((tokens) => tokens.length));
  const rows = prompts.map((tokens) => ({ tokens: fillUp(tokens, length) }));
  const { taps } = await engine.run({ kind: "prefill", length, rows, taps: states }, signal);
  return prompts.map((tokens, row) => {
    const own = new Map<string, Float32Array>();
    for (const [index, place] of states.entries()) {
      const start = row * length * hiddenSize;
      const all = taps[index]?.subarray(start, start + tokens.length * hiddenSize);
      assert(all, "a tap was not read");
      own.set(placeKey(place), all);
    }
    return new PromptStates(tokens, hiddenSize, own);
  });
}

/** A place in a model, whatever the position, as a key. */
export function placeKey({ site, layer }: { readonly site: Site; readonly layer: number }): string {
  return `${site}.${layer}`;
}
