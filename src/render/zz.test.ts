import { test } from "vitest";
import { table } from "./table.ts";
import {
  exampleLadder,
  exampleResult,
  generated,
  nextTokens,
  place,
} from "../../tests/support/example-results.ts";
test("x", () => {
  const l = exampleLadder();
  for (const width of [60, 80, 120])
    process.stdout.write(table(l, { width, colour: false, unicode: true }) + "\n\n\n");
  const partial = { ...l, cells: l.cells.map(({ evidence: _e, logprobUnder: _l, ...c }) => c) };
  process.stdout.write(
    table(partial, { width: 80, colour: true, unicode: true, isPartial: true }) + "\n\n\n",
  );
  process.stdout.write(table(l, { width: 80, colour: true, unicode: false }) + "\n\n\n");
  const lens = exampleResult({
    read: { kind: "next-token", topK: 3, position: "same" },
    controls: { unpatched: { next: nextTokens([" the", 0.2], ["\n", 0.1]) } },
    cells: ["embedding", 0, 1, 2].map((x) => ({
      source: place(x as number, 2),
      target: place(29, 8),
      next: nextTokens([" the", 0.4], ["the", 0.3], [" Obama", 0.1], ["\n", 0.001], [" ", 0.0003]),
    })),
  });
  process.stdout.write(table(lens, { width: 80, colour: false, unicode: true }) + "\n\n\n");
  const gridr = exampleResult({
    read: { kind: "next-token", topK: 3, position: "same" },
    cells: [0, 1, 2].flatMap((s) =>
      [0, 1, 2, 3].map((t) => ({
        source: place(s, 2),
        target: place(t, 8),
        next: nextTokens([" the" + s, 0.4], ["the" + t, 0.3]),
      })),
    ),
  });
  process.stdout.write(table(gridr, { width: 80, colour: false, unicode: true }) + "\n\n\n");
  const grid2 = exampleResult({
    cells: [0, 1, 2].flatMap((s) =>
      [0, 1, 2, 3].map((t) => ({
        source: place(s, 2),
        target: place(t, 8),
        ...generated(": American politician", 0.3),
        evidence: s * t,
      })),
    ),
  });
  process.stdout.write(table(grid2, { width: 80, colour: false, unicode: true }) + "\n\n\n");
  const grid3 = exampleResult({
    cells: [0, 1, 2].flatMap((s) =>
      Array.from({ length: 20 }, (_, t) => ({
        source: place(s, 2),
        target: place(t, 8),
        ...generated(": American politician" + (t >> 2), 0.3),
        evidence: s * t,
      })),
    ),
  });
  process.stdout.write(table(grid3, { width: 80, colour: false, unicode: true }) + "\n\n\n");
  const w = exampleResult({
    cells: [
      {
        writes: [
          { source: place(1, 0), target: place(3, 8) },
          { source: place("embedding", 0), target: place(3, 8) },
        ],
        ...generated(": American politician", 0.3),
        evidence: 4,
      },
    ],
  });
  process.stdout.write(table(w, { width: 80, colour: false, unicode: true }) + "\n\n\n");
});
import { csv } from "./csv.ts";
import { markdown } from "./markdown.ts";
test("y", () => {
  const l = exampleLadder();
  process.stdout.write(csv(l) + "\n\n" + markdown(l) + "\n\n");
});
