/** What the real model says with and without a patch, token by token, against transformers; and the evidence for it. */
import { expect, test } from "vitest";
import { UNRELATED_SENTENCES } from "../../src/measure/unrelated-sentences.ts";
import type { CellRecord, ReadOutRecord } from "../../src/result/result.ts";
import { runSpec } from "../../src/run/run-spec.ts";
import { expectNear } from "../support/nats.ts";
import { describeRealModel, useLoadedModel } from "../support/real-model.ts";
import { evidenceOfCell, fixtureSpecs, recordOf, sayCell } from "./fixture-specs.ts";
import { SMOLLM2, type FixtureCell, type FixtureEvidence } from "./smollm2-fixture.ts";

/** Nats, of one token. */
const TOKEN_TOLERANCE = 1e-3;
/** Nats, of up to 8 tokens. */
const EVIDENCE_TOLERANCE = 2e-3;

test("the unrelated sentences are those of the fixture", () => {
  expect(UNRELATED_SENTENCES).toEqual(SMOLLM2.controls.map(({ prompt }) => prompt));
});

const specs = fixtureSpecs();

test("every cell of the fixture is in a spec", () => {
  const cells = specs.flatMap((spec) => [...spec.cells, spec.unpatched]);
  expect(new Set(cells.filter((cell) => cell !== undefined))).toEqual(new Set(SMOLLM2.cells));
});

await describeRealModel("SmolLM2 in float32 says the same as with transformers", () => {
  const loaded = useLoadedModel();

  for (const { title, spec, cells, unpatched } of specs) {
    test(title, async () => {
      const result = await runSpec(spec, loaded());
      if (unpatched !== undefined) {
        expect(result.target.tokens).toEqual(unpatched.target.tokens);
        expectReadOut(result.controls.unpatched, unpatched);
      }
      for (const cell of cells) {
        expect(result.source.tokens).toEqual(cell.source?.tokens);
        const record = recordOf(cell, result.cells);
        const evidence = evidenceOfCell(cell);
        expectReadOut(record, cell);
        if (evidence !== undefined) {
          expect(result.controls.unrelated).toEqual(SMOLLM2.controls);
          expectEvidence(record, evidence);
        }
      }
    });
  }
});

function expectReadOut(actual: ReadOutRecord | undefined, expected: FixtureCell): void {
  const label = sayCell(expected);
  expect(actual?.tokens, label).toEqual(expected.tokens);
  expect(actual?.text, label).toBe(expected.text);
  expectNear(actual?.logprobs, expected.logprobs, TOKEN_TOLERANCE);
  const tokens = actual?.next.map(({ token }) => token);
  expect(tokens, label).toEqual(expected.next.map(([token]) => token));
  const logprobs = actual?.next.map(({ logprob }) => logprob);
  expectNear(
    logprobs,
    expected.next.map(([, logprob]) => logprob),
    TOKEN_TOLERANCE,
  );
}

function expectEvidence(actual: CellRecord | undefined, expected: FixtureEvidence): void {
  const under = actual?.logprobUnder;
  expectNear(
    [actual?.evidence, under?.unpatched, ...(under?.unrelated ?? [])],
    [expected.evidence, expected.unpatched, ...expected.unrelated],
    EVIDENCE_TOLERANCE,
  );
}
