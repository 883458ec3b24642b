import fc from "fast-check";
import { expect, test } from "vitest";
import { bestOf, contrasted, logprobIn } from "./contrast-decoding.ts";

const logs = (...probabilities: readonly number[]): Float32Array =>
  Float32Array.from(probabilities, (p) => Math.log(p) + 3);

test("A token that the prompt says anyway gives way to one that the vector makes likelier", () => {
  const patched = logs(0.5, 0.4, 0.1);
  const prior = logs(0.6, 0.1, 0.3);
  expect(bestOf(patched)).toBe(0);
  expect(bestOf(contrasted(patched, prior, { amount: 1, plausibility: 0.1 }))).toBe(1);
});

test("One that is not plausible with the vector is never taken, however unlikely it is without", () => {
  const scores = contrasted(logs(0.9, 0.05, 0.05), logs(0.9, 0.1, 1e-6), {
    amount: 5,
    plausibility: 0.1,
  });
  expect([...scores].slice(1)).toEqual([-Infinity, -Infinity]);
});

test("Against nothing, or against itself, the likeliest stays the likeliest", () => {
  const logits = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(logits, logits, fc.nat(3), (p, q, amount) => {
      const patched = Float32Array.from(p);
      const best = bestOf(patched);
      const none = { amount: 0, plausibility: 0.1 };
      expect(bestOf(contrasted(patched, Float32Array.from(q), none))).toBe(best);
      expect(bestOf(contrasted(patched, patched, { amount, plausibility: 0.1 }))).toBe(best);
      const total = p.reduce((sum, logit) => sum + Math.exp(logit), 0);
      expect(logprobIn(patched, best)).toBeCloseTo((p[best] ?? 0) - Math.log(total), 5);
    }),
  );
});
