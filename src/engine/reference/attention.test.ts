import { expect, test } from "vitest";
import { attend, NO_KEYS, type Attention } from "./attention.ts";
import type { Linear } from "./linear.ts";

/** Weights that pick inputs: output o is input `picks[o]`. */
function pick(picks: readonly number[], inputs: number): Linear {
  const weight = new Float32Array(picks.length * inputs);
  for (const [output, input] of picks.entries()) {
    weight[output * inputs + input] = 1;
  }
  return { outputs: picks.length, inputs, weight, bias: undefined };
}

// Two query heads share one key/value head of size 2; rope does not turn.
const attention: Attention = {
  q: pick([0, 1, 1, 0], 2),
  k: pick([0, 1], 2),
  v: pick([0, 1], 2),
  o: pick([0, 1, 2, 3], 4),
  heads: 2,
  kvHeads: 1,
  headSize: 2,
  qNorm: undefined,
  kNorm: undefined,
  scale: Math.log(3),
  scoreCap: undefined,
  window: undefined,
  rope: { inverseFrequencies: Float64Array.of(0), attentionFactor: 1 },
};

test("a position mixes the values of those up to itself by the softmax of its scores", () => {
  const { outputs } = attend(attention, [Float32Array.of(1, 0), Float32Array.of(0, 1)], NO_KEYS);
  expect(outputs[0]).toEqual(Float32Array.of(1, 0, 1, 0));
  // Head 0 asks for (0, 1): scores 0 and ln 3, so 1/4 and 3/4. Head 1 asks for (1, 0): the other way round.
  const [first, second, third, fourth] = outputs[1] ?? [];
  expect([first, second, third, fourth].map((value) => value?.toFixed(6))).toEqual([
    "0.250000",
    "0.750000",
    "0.750000",
    "0.250000",
  ]);
});

test("positions behind kept keys and values are as in one run", () => {
  const inputs = [Float32Array.of(1, 2), Float32Array.of(-1, 0.5), Float32Array.of(0.25, 1)];
  const whole = attend(attention, inputs, NO_KEYS);
  const { kept } = attend(attention, inputs.slice(0, 2), NO_KEYS);
  const rest = attend(attention, inputs.slice(2), kept);
  expect(rest.outputs).toEqual(whole.outputs.slice(2));
  expect(rest.kept).toEqual(whole.kept);
});

test("a window hides what is further back than its size", () => {
  const inputs = [Float32Array.of(9, 9), Float32Array.of(1, 2), Float32Array.of(0, 1)];
  const windowed = attend({ ...attention, window: 2 }, inputs, NO_KEYS);
  const shorter = attend(attention, inputs.slice(1), NO_KEYS);
  expect(windowed.outputs[2]).toEqual(shorter.outputs[1]);
});

test("a small cap levels the scores", () => {
  const inputs = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
  const level = attend({ ...attention, scoreCap: 1e-9 }, inputs, NO_KEYS).outputs[1];
  expect(Array.from(level ?? [], (value) => Number(value.toFixed(6)))).toEqual([
    0.5, 0.5, 0.5, 0.5,
  ]);
});
