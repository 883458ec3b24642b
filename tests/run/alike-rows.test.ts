/**
 * Rows that go the same way are computed once: up to where a vector enters, cells that say the same so far are the
 * target without a patch, and what is written behind the last block changes the first token only.
 */
import { beforeEach, expect, test } from "vitest";
import { nodeRuntime } from "../../src/engine/onnx/node.ts";
import { createOnnxEngineOn } from "../../src/engine/onnx/onnx-engine.ts";
import type { Runtime } from "../../src/engine/onnx/runtime.ts";
import type { CellRecord } from "../../src/result/result.ts";
import { patchscope } from "../../src/run/sweep.ts";
import type { SpecInput } from "../../src/spec/spec-input.ts";
import { useTinyModel } from "../support/tiny-model.ts";

const tiny = useTinyModel("llama-gguf", (model) =>
  createOnnxEngineOn(counting(nodeRuntime({ threads: 1 })), model),
);
/** For each call of the decoder behind the prompts, the rows of each block. */
let rows: number[][] = [];

beforeEach(() => {
  rows = [];
});

/** A runtime that counts the rows of each step of decoding. */
function counting(runtime: Runtime): Runtime {
  return {
    ...runtime,
    createSession: async (graph) => {
      const session = await runtime.createSession(graph);
      return {
        run: (feeds, outputs, into) => {
          const [first = 0, ...later] = numbersOf(feeds["go_on_counts"]?.data);
          const [joining = 0] = numbersOf(feeds["join_counts"]?.data);
          if (into !== undefined) rows.push([first + joining, ...later]);
          return session.run(feeds, outputs, into);
        },
        dispose: () => session.dispose(),
      };
    },
  };
}

function numbersOf(data: ArrayLike<number | bigint> = []): number[] {
  return Array.from(data, Number);
}

const POSITIONS = [0, 1, 2, 0, 1, 2];
const TOKENS = 4;

/** Each of these states at the same place; the same ones twice, so that some rows are alike whatever the model says. */
function specTo(layer: number, position: number | number[] = POSITIONS): SpecInput {
  return {
    source: { tokens: [5, 6, 7, 5, 6, 7], position, layer: 0 },
    target: { tokens: [8, 9, 10], layer },
    read: { maxTokens: TOKENS, ignoreEos: true },
    controls: [],
  };
}

async function cellsOf(spec: SpecInput): Promise<readonly CellRecord[]> {
  return (await patchscope(spec, tiny())).cells;
}

/** How many different beginnings of so many tokens the cells have. */
function beginnings(cells: readonly CellRecord[], tokens: number): number {
  return new Set(cells.map((cell) => cell.tokens?.slice(0, tokens).join())).size;
}

test("Behind the last block one row is computed for each text so far", async () => {
  const { layers } = tiny().model.architecture;
  const cells = await cellsOf(specTo(layers - 1));
  expect(beginnings(cells, 1)).toBeLessThan(POSITIONS.length);
  const expected = [1, 2, 3].map((step) =>
    Array.from({ length: layers }, () => beginnings(cells, step)),
  );
  expect(rows).toEqual(expected);
});

test("Before a vector enters one row is computed for each text so far, and then each row", async () => {
  const { layers } = tiny().model.architecture;
  const cells = await cellsOf(specTo(0));
  const expected = [1, 2, 3].map((step) =>
    Array.from({ length: layers }, (_, layer) =>
      layer === 0 ? beginnings(cells, step) : POSITIONS.length,
    ),
  );
  expect(rows).toEqual(expected);
});

test.each([0, 1])("Each says what it says alone, written into layer %i", async (layer) => {
  const cells = await cellsOf(specTo(layer));
  for (const [index, position] of POSITIONS.entries()) {
    const [alone] = await cellsOf(specTo(layer, position));
    expect(alone?.tokens).toHaveLength(TOKENS);
    expect(cells[index]?.tokens).toEqual(alone?.tokens);
    for (const [step, logprob] of (alone?.logprobs ?? []).entries()) {
      expect(cells[index]?.logprobs?.[step]).toBeCloseTo(logprob, 4);
    }
  }
});
