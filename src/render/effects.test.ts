import { describe, expect, test } from "vitest";
import { exampleResult } from "../../tests/support/example-results.ts";
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import { parseSpec } from "../spec/schema.ts";
import { csv } from "./csv.ts";
import { markdown } from "./markdown.ts";
import { table } from "./table.ts";

const PIECES = ["The", " Eiffel", " Tower"];
const NAME = "probability source";

const next = (piece: string): CellRecord["next"] => [{ token: piece.length, piece, logprob: -1 }];

/** A result of a prompt of three tokens in a model of two layers. */
function resultOf(
  fields: object,
  cells: readonly CellRecord[],
  noised?: readonly number[],
): PatchscopeResult {
  const spec = parseSpec({
    version: 1,
    source: { model: "m", prompt: PIECES.join("") },
    target: { prompt: "same" },
    read: { kind: "next-token" },
    metrics: [{ kind: "probability", of: "source" }],
    ...fields,
  });
  const prompt = { tokens: [1, 2, 3], pieces: PIECES, positions: [0, 1, 2] };
  return {
    ...exampleResult({ cells }),
    spec,
    source: { ...prompt, metrics: { [NAME]: 0.7 }, next: next(" Paris") },
    target: { ...prompt, ...(noised && { noised }) },
    controls: { unpatched: { next: next(" New"), metrics: { [NAME]: 0.1 } } },
  };
}

/** Each state of layers 0 and 1 put back; the middle token's brings the answer back. */
function traced(): PatchscopeResult {
  const cells = [0, 1].flatMap((layer) =>
    [0, 1, 2].map((position): CellRecord => {
      const place = { layer, position };
      const isHere = position === 1;
      return {
        ...{ source: place, target: place, next: next(isHere ? " Paris" : " New") },
        metrics: { [NAME]: isHere ? 0.6 - 0.2 * layer : 0.1 },
      };
    }),
  );
  const noise = { kind: "noise", positions: [1, 2], samples: 2 };
  return resultOf({ interventions: [noise] }, cells, [1, 2]);
}

const shown = (result: PatchscopeResult): string =>
  table(result, { width: 80, colour: false, unicode: true });

describe("What cells change", () => {
  test("is a map of layers by tokens, with the noise marked and in words beside it", () => {
    expect(shown(traced()).split("\n").slice(2)).toMatchInlineSnapshot(`
      [
        "target  [The Eiffel Tower]",
        "In each cell the state of that token in that layer is taken from the source's",
        "own run; then the next token is read.",
        "",
        "layer     The Eiffel*  Tower*",
        "    0     0.0  █ 50.0     0.0",
        "    1     0.0  ▒ 30.0     0.0",
        "change of probability source, in percentage points: · 0.0  ░ 10.0  ▒ 20.0  ▓",
        "30.0  █ 40.0 and more",
        "",
        "probability source: 0.700 in the source's own run, 0.100 with the noise alone.",
        "Largest: +50.0 at layer 0, Eiffel*. The likeliest next token, " New", is another",
        "one in 2 of 6 cells: " Paris" in 2.",
        "The target's run has noise of 3 standard deviations on the embeddings marked *;",
        "all numbers are means over 2 draws. An effect says that a state matters for this",
        "answer in this prompt: not that a fact is stored there.",
      ]
    `);
  });

  test("of a sweep is held against the model as it is", () => {
    const cells = [0, 1].flatMap((layer) =>
      [0, 1].map((position): CellRecord => ({
        ...{ writes: [], at: { layer, position }, next: next(" New") },
        intervention: {
          ...{ kind: "ablation", layers: [layer], positions: [position] },
          ...{ site: "mlp_out", with: "zero" },
        },
        metrics: { [NAME]: 0.1 - 0.05 * layer * position },
      })),
    );
    const sweep = { kind: "ablation", positions: [0, 1], site: "mlp_out" };
    const fields = { interventions: [{ ...sweep, sweep: { positions: 1, layers: 1 } }] };
    const result = resultOf({ ...fields, patches: [] }, cells);
    const text = shown(result);
    expect(text).toContain("In each cell what the MLP adds to that token is set to zeros");
    expect(text).toContain(
      "probability source: 0.100 as the model is. Largest: -5.0 at layer 1, Eiffel.",
    );
    expect(csv(result).split("\n")[0]).toMatch(/probability source,at_layer,at_position$/u);
    expect(csv(result).split("\n").at(-1)).toMatch(/,0\.05,1,1$/u);
    expect(markdown(result)).toContain("| layer | `The` | `Eiffel` |");
  });

  test("of a logit difference is the share that is recovered", () => {
    const name = "logit-difference source - unpatched";
    const metric = { kind: "logit-difference", of: "source", against: "unpatched" };
    const result = resultOf({ metrics: [metric] }, []);
    const cells = traced().cells.map((cell) => ({ ...cell, metrics: { [name]: 2 } }));
    const text = shown({
      ...result,
      cells,
      source: { ...result.source, metrics: { [name]: 4 } },
      controls: { unpatched: { next: next(" New"), metrics: { [name]: -4 } } },
    });
    expect(text).toContain("0.75");
    expect(text).toContain("recovery of logit-difference");
  });

  test("is a table with the numbers where there is no map of it", () => {
    const [first] = traced().cells;
    const text = shown(resultOf({}, first === undefined ? [] : [first]));
    expect(text).toContain("probability source");
    expect(text).toContain("0.100");
    expect(text).not.toContain("change of");
  });
});
