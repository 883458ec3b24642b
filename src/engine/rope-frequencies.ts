/** Which of a rotary embedding's angles a pass turns by. */
import type { Rope } from "./architecture.ts";

/** The angles per position in a pass that reaches over `length` tokens, those before it included. */
export function frequenciesOf(rope: Rope, length: number): Float64Array {
  return rope.beyond !== undefined && length > rope.beyond.length
    ? rope.beyond.inverseFrequencies
    : rope.inverseFrequencies;
}
