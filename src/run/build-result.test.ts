import { expect, test } from "vitest";
import { wordModel } from "../../tests/support/word-model.ts";
import { assert } from "../errors.ts";
import { buildPlan } from "../plan/build-plan.ts";
import { parseSpec } from "../spec/schema.ts";
import { buildResult } from "./build-result.ts";
import type { Provenance } from "./build-result.ts";

const spec = parseSpec({
  version: 1,
  source: { model: "toy", prompt: "Ann met Bob", layer: 1 },
  target: { prompt: "dog cat x" },
  controls: ["unpatched", "text-only"],
});
const plan = buildPlan(spec, { model: wordModel(), unrelatedSentences: [] });
const provenance: Provenance = {
  spec,
  specHash: "sha256:00",
  models: [
    {
      name: "toy",
      architecture: "llama",
      layers: 4,
      hiddenSize: 8,
      weights: "sha256:11",
      precision: "float32",
    },
  ],
  engine: { name: "reference", device: "cpu", version: "1" },
  timing: { loadMs: 0, runMs: 0 },
  warnings: [],
};
/** A token is a byte of UTF-8. */
const texts = {
  decode: (tokens: readonly number[]) => new TextDecoder().decode(Uint8Array.from(tokens)),
  piece: (token: number) => String.fromCharCode(token),
};

/** What each of the first `count` tokens of a text adds to it. */
function piecesOf(bytes: Uint8Array, count: number): readonly string[] | undefined {
  const generated = Array.from(bytes, (token) => ({ token, logprob: -1 }));
  const evidenceByToken = generated.slice(0, count).map(() => 0);
  const output = {
    cells: [{ next: [], generated, evidence: 0, evidenceByToken }],
    unpatched: undefined,
    textOnly: undefined,
  };
  const [cell] = buildResult(plan, output, texts, provenance).cells;
  assert(cell, "there is a cell");
  return cell.evidencePieces;
}

test("Of a character that several tokens write, the last token has it whole", () => {
  const utf8 = new TextEncoder();
  expect(piecesOf(utf8.encode("a 엔b"), 6)).toEqual(["a", " ", "", "", "엔", "b"]);
  expect(piecesOf(utf8.encode("a 엔b"), 4)).toEqual(["a", " ", "", ""]);
  expect(piecesOf(utf8.encode("ab").subarray(0, 2), 2)).toEqual(["a", "b"]);
});

test("A text and its pieces end before a stop string, inside of a token too", () => {
  const generated = Array.from(new TextEncoder().encode("ab."), (token) => ({
    token,
    logprob: -1,
  }));
  const cell = { next: [], generated, textLength: 2, evidence: 0, evidenceByToken: [0, 0, 0] };
  const output = { cells: [cell], unpatched: undefined, textOnly: undefined };
  const [record] = buildResult(plan, output, texts, provenance).cells;
  expect(record?.text).toBe("ab");
  expect(record?.evidencePieces).toEqual(["a", "b", ""]);
  expect(record?.tokens).toHaveLength(3);
});

test("Bytes that are no text are there all the same", () => {
  const pieces = piecesOf(Uint8Array.from([97, 0xec, 0x97, 98, 0xec]), 5);
  expect(pieces?.join("")).toBe("a\ufffdb\ufffd");
});

test("What the text alone says has the prompt that was read", () => {
  const said = { next: [], generated: [{ token: 98, logprob: -1 }] };
  const output = { cells: [], unpatched: said, textOnly: said };
  const { textOnly } = buildResult(plan, output, texts, provenance).controls;
  expect(textOnly?.text).toBe("b");
  expect(textOnly?.prompt.pieces).toEqual(["dog", " cat", " Ann", " met", " Bob"]);
  expect(textOnly?.prompt.positions).toEqual([2, 3, 4]);
});
