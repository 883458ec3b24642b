import { expect, test } from "vitest";
import { exampleLadder } from "../../tests/support/example-results.ts";
import { json } from "./json.ts";

test("parsing it gives the result back, and every cell has a line of its own", () => {
  const result = exampleLadder();
  const text = json(result);
  expect(JSON.parse(text)).toEqual(result);
  expect(text.split("\n").filter((line) => line.includes('"logprobUnder"'))).toHaveLength(
    result.cells.length,
  );
});
