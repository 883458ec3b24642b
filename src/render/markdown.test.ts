import { expect, test } from "vitest";
import {
  exampleLadder,
  exampleResult,
  generated,
  place,
} from "../../tests/support/example-results.ts";
import { markdown } from "./markdown.ts";

test("a result is a table with a row for every cell, and the sentences around it", () => {
  expect(markdown(exampleLadder())).toMatchInlineSnapshot(`
    "**smollm2-135m-instruct** · source \`Barack[ Obama]\` · target \`Syria: Country in the Middle East,[ x]\`

    | source layer | source position | target layer | target position | text | logprob | evidence | reading | unpatched | unrelated |
    | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
    | 0 | 2 | 0 | 8 | : American politician, 44th president⏎of the United States | -5.55 | 14.20 | depends on the vector | -21.30 | -19.00 -24.50 |
    | 1 | 2 | 1 | 8 | : American politician, 44th president⏎of the United States | -3.82 | 12.90 | depends on the vector | -21.30 | -19.00 -24.50 |
    | 2 | 2 | 2 | 8 | : American politician and lawyer | -12.49 | 4.04 | depends on the vector | -21.30 | -19.00 -24.50 |
    | 3 | 2 | 3 | 8 | 미국의 정치인이자 변호사이며 제44대 대통령 | -20.21 | 3.20 | depends on the vector | -21.30 | -19.00 -24.50 |
    | 4 | 2 | 4 | 8 | : a country in the Middle East | -7.33 | -0.02 | the prompt says this anyway | -21.30 | -19.00 -24.50 |
    | 5 | 2 | 5 | 8 | : a country in the Middle East | -6.94 | 1.30 | the prompt says this anyway | -21.30 | -19.00 -24.50 |

    Without the vector: : a country in Asia

    evidence (nats): how much likelier the first 8 tokens are with the vector than without it or with the vectors of 2 unrelated sentences. From 3.0 on (20 times) they depend on the vector; below, the prompt says this anyway. The other numbers: nats, over the same tokens.
    A read-out is what can be decoded from a state: not that it is stored there, or used, or true.

    Warning: Position 0 gathers attention whatever its token is: its state says little."
  `);
});

test("signs that Markdown would take for its own are escaped", () => {
  const cell = { source: place(0, 2), target: place(0, 8), ...generated("a|b <i> *c*", 1) };
  expect(markdown(exampleResult({ cells: [cell] }))).toContain("a\\|b \\<i\\> \\*c\\*");
});
