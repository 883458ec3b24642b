/**
 * The round trip of a description: read by itself as a plain text, how near does it bring the model back to the state that
 * it was read from? Unrelated sentences say how near any text comes.
 */
import type { Engine } from "../engine/engine.ts";
import { differenceOf } from "../mapping/vector-algebra.ts";
import { cosine } from "../measure/fidelity.ts";
import type { Plan, State } from "../plan/plan.ts";
import type { RoundTripRecord } from "../result/result.ts";
import type { StatesAt } from "./sources.ts";
import type { PromptStates } from "./vectors.ts";
import { capturePrompts } from "./vectors.ts";

export interface RoundTripRun {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly source: StatesAt;
  /** A text as a prompt, a beginning of sequence as the model's tokenizer adds it. */
  readonly encode: (text: string) => readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** Texts whose states are held at once. */
const TEXTS_AT_ONCE = 16;

/** The round trip of each cell's text; none where there is no text. */
export async function readBack(
  texts: readonly string[],
  { plan, engine, source, encode, signal }: RoundTripRun,
): Promise<(RoundTripRecord | undefined)[]> {
  const { states: places } = plan.capture;
  const sentences = (plan.baseline ?? []).map(({ tokens }) => tokens);
  const unrelated = await capturePrompts(engine, sentences, places, signal);
  const records: (RoundTripRecord | undefined)[] = texts.map(() => undefined);
  const bare = texts.map(bareText);
  const distinct = [...new Set(bare)].filter((text) => text !== "");
  for (let from = 0; from < distinct.length; from += TEXTS_AT_ONCE) {
    const some = distinct.slice(from, from + TEXTS_AT_ONCE);
    const read = await capturePrompts(engine, some.map(encode), places, signal);
    for (const [index, text] of bare.entries()) {
      const states = read[some.indexOf(text)];
      const place = plan.cells[index]?.writes[0]?.from;
      if (states === undefined || place === undefined) continue;
      records[index] = compared(place, { source, states, unrelated });
    }
  }
  return records;
}

/** What a description says: without the colon or comma that ties it to the target prompt. */
export function bareText(text: string): string {
  return text.replace(/^[\s:;,.–-]+/u, "").trim();
}

function compared(
  place: State,
  of: {
    readonly source: StatesAt;
    readonly states: PromptStates;
    readonly unrelated: readonly PromptStates[];
  },
): RoundTripRecord {
  const state = of.source.at(place);
  const back = of.states.atLast(place);
  const others = of.unrelated.map((each) => each.atLast(place));
  const centred = (vector: Float32Array): Float32Array =>
    others.length === 0 ? vector : differenceOf(vector, others);
  return {
    cosine: cosine(state, back),
    unrelated: others.map((other) => cosine(state, other)),
    centred: cosine(centred(state), centred(back)),
  };
}
