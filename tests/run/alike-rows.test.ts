/** Rows that go the same way are decoded once: what is written after the last block only changes the first token. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { createOnnxEngine } from "../../src/engine/onnx/node.ts";
import type { Model } from "../../src/models/model.ts";
import type { CellRecord } from "../../src/result/result.ts";
import { patchscope } from "../../src/run/sweep.ts";
import type { SpecInput } from "../../src/spec/spec-input.ts";
import { FIXTURES } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await openGolden(join(FIXTURES, "tiny", "llama-gguf"));
  engine = await createOnnxEngine(model, { threads: 1 });
});

afterAll(async () => {
  await engine.dispose();
  await model.close();
});

/** Each of these states at the same place. */
function specTo(layer: number): SpecInput {
  return {
    // The same states twice, so that some rows are alike whatever the model says.
    source: { tokens: [5, 6, 7, 5, 6, 7], position: [0, 1, 2, 0, 1, 2], layer: 0 },
    target: { tokens: [8, 9, 10], layer },
    read: { maxTokens: 4, ignoreEos: true },
    controls: ["unpatched"],
  };
}

/** The cells, and how many rows each step of decoding had. */
async function run(
  spec: SpecInput,
): Promise<{ readonly cells: readonly CellRecord[]; readonly rows: readonly number[] }> {
  const rows: number[] = [];
  const counting: Engine = {
    info: engine.info,
    architecture: engine.architecture,
    run: (pass, signal) => {
      if (pass.kind === "decode") rows.push(pass.tokens.length);
      return engine.run(pass, signal);
    },
    select: (cache, of) => engine.select(cache, of),
    dispose: () => Promise.resolve(),
  };
  const { cells } = await patchscope(spec, { model, engine: counting });
  return { cells, rows };
}

test("Behind the last block one row is decoded for each first token", async () => {
  const { cells, rows } = await run(specTo(model.architecture.layers - 1));
  const firsts = new Set(cells.map(({ tokens }) => tokens?.[0]));
  // The target without a patch may begin as none of them does.
  expect(rows).toHaveLength(3);
  for (const count of rows) expect([firsts.size, firsts.size + 1]).toContain(count);
  for (const [index, cell] of cells.slice(0, 3).entries()) {
    expect(cell.tokens).toHaveLength(4);
    expect(cells[index + 3]?.tokens).toEqual(cell.tokens);
  }
});

test("and each says what it says alone", async () => {
  const spec = specTo(model.architecture.layers - 1);
  const { cells } = await run(spec);
  for (const [index, cell] of cells.entries()) {
    const [position = 0] = [0, 1, 2, 0, 1, 2].slice(index);
    const { cells: alone } = await run({ ...spec, source: { ...spec.source, position } });
    expect(alone[0]?.tokens).toEqual(cell.tokens);
    for (const [step, logprob] of (alone[0]?.logprobs ?? []).entries()) {
      expect(cell.logprobs?.[step]).toBeCloseTo(logprob, 4);
    }
    expect(cell.logprobs?.[0]).toBeCloseTo(alone[0]?.next[0]?.logprob ?? NaN, 4);
  }
});

test("Below it every row is decoded: later tokens see what was written", async () => {
  const { rows } = await run(specTo(0));
  expect(rows).toEqual([7, 7, 7]);
});
