/** Soft prompts in whole runs on every engine, against what transformers says of the same checkpoints with `inputs_embeds`. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assert } from "../../src/errors.ts";
import { loadVectors } from "../../src/node.ts";
import { buildPlan } from "../../src/plan/build-plan.ts";
import { vectorKey } from "../../src/plan/vectors.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { readFloatArrays } from "../support/float-arrays.ts";
import { FIXTURES, readGolden } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";
import { ENGINES, type EngineUnderTest } from "./golden.ts";

/** See make_soft_prompt.py. */
const FILE = join(FIXTURES, "soft-prompt.safetensors");
const EXPECTED = readFloatArrays(FILE);
const NAMES = [...EXPECTED.keys()].flatMap((key) => /^(.*)\.vectors$/u.exec(key)?.[1] ?? []);
const TOLERANCE = 1e-3;

test("there are checkpoints to compare with", () => {
  expect(NAMES).toContain("gpt2");
});

describe.each(ENGINES)("soft prompts on the $name engine are PyTorch's", (engine) => {
  test.each(NAMES)("%s", async (name) => {
    await compare(name, engine);
  });
});

async function compare(name: string, { create }: EngineUnderTest): Promise<void> {
  const folder = join(FIXTURES, "tiny", name);
  const cases = readGolden(folder).cases.map(({ tokens }) => tokens);
  const tokens = cases.reduce((longest, each) => (each.length > longest.length ? each : longest));
  const tensor = `${name}.vectors`;
  const soft = { file: FILE, tensor };
  const model = await openGolden(folder);
  const engine = await create(model);
  try {
    const spec = parseSpec({
      version: 1,
      source: { model: name, tokens },
      target: { prompt: "same" },
      interventions: [{ kind: "soft-prompt", ...soft, positions: [2, 0, 1] }],
      read: { kind: "next-token", topK: model.architecture.vocabSize },
    });
    const vectors = new Map([[vectorKey(soft), await loadVectors(FILE, tensor)]]);
    const plan = buildPlan(spec, { model, unrelatedSentences: [], vectors });
    const output = await runPlan(plan, engine, { endTokens: new Set(), vectors });
    expectLogits(output.unpatched?.next, `${name}.logits`, 0);
    for (const [layer, { next }] of output.cells.entries()) {
      expectLogits(next, `${name}.patched`, layer);
    }
  } finally {
    await engine.dispose();
    await model.close();
  }
}

/** All tokens' log-probabilities are those of one row of a fixture's logits. */
function expectLogits(
  next: readonly { readonly token: number; readonly logprob: number }[] | undefined,
  key: string,
  row: number,
): void {
  const array = EXPECTED.get(key);
  assert(array && next, `the fixture has ${key}, and the run was read`);
  const vocab = array.shape.at(-1) ?? 0;
  const logits = array.data.subarray(row * vocab, (row + 1) * vocab);
  const largest = Math.max(...logits);
  const total = largest + Math.log(logits.reduce((sum, each) => sum + Math.exp(each - largest), 0));
  expect(next).toHaveLength(vocab);
  for (const { token, logprob } of next) {
    expect(Math.abs(logprob - ((logits[token] ?? NaN) - total))).toBeLessThan(TOLERANCE);
  }
}
