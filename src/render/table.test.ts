import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import {
  exampleLadder,
  exampleResult,
  generated,
  nextTokens,
  place,
} from "../../tests/support/example-results.ts";
import type { CellRecord, PatchscopeResult } from "../result/result.ts";
import type { ModeSpec } from "../spec/spec.ts";
import { widthOf } from "./display-text.ts";
import { markdown } from "./markdown.ts";
import { table } from "./table.ts";

const plain = { width: 80, colour: false, unicode: true };
const nextTokenRead = { kind: "next-token", topK: 3, position: "same" } as const;

/** Before the controls are scored. */
function withoutEvidence(result: PatchscopeResult): PatchscopeResult {
  const cells = result.cells.map((cell): CellRecord => {
    const { evidence, logprobUnder, ...words } = cell;
    return words;
  });
  return { ...result, cells };
}

/** The lines between the title and the sentences under the table. */
function body(text: string): string {
  return `\n${text.split("\n\n")[1] ?? ""}\n`;
}

test("Where a trained prompt stands for the whole target, the file says what it is", () => {
  const ladder = exampleLadder();
  const drawn = (positions: "all" | readonly number[]): string => {
    const soft = { kind: "soft-prompt" as const, file: "soft.safetensors", positions };
    return table({ ...ladder, spec: { ...ladder.spec, interventions: [soft] } }, plain);
  };
  expect(drawn("all")).toContain("\ntarget  vectors of soft.safetensors\n");
  expect(drawn([0])).not.toContain("target  vectors of");
});

test("Words say how the vector meets the state that is there", () => {
  const ladder = exampleLadder();
  const sentence = (mode: ModeSpec): string => {
    const spec = { ...ladder.spec, target: { ...ladder.spec.target, mode } };
    return table({ ...ladder, spec }, plain).replaceAll("\n", " ");
  };
  expect(sentence("add")).toContain("is added to the one of");
  expect(sentence("norm-matched")).toContain("replaces, at the same norm, the one of");
  expect(sentence("norm-scaled")).toMatch(/layer, its length relative to that one's; then/u);
  expect(sentence({ interpolate: 0.5 })).toContain("is mixed (0.5 of it) into the one of");
});

describe("a ladder of layers", () => {
  test("says what was done, what each layer says, and what that is worth", () => {
    expect(table(exampleLadder(), plain)).toMatchInlineSnapshot(`
      "smollm2-135m-instruct · 30 layers · float32 · onnx on cpu · 1.2 s
      source  Barack[ Obama]
      target  Syria: Country in the Middle East,[ x]
      The state of the source's [token] at one layer replaces the one of the target's
      [token] at the same layer; then the model goes on.

      layer  what the state says                    p/token  evidence
        0–1  : American politician, 44th presiden…   50–62%   12.9–14.2 ███▉    vector
          2  : American politician and lawyer           21%         4.0 █▎      vector
          3  미국의 정치인이자 변호사이며 제44대 …     8.0%         3.2 █       vector
        4–5  : a country in the Middle East          40–42%  0.0 to 1.3         prompt
      ────────────────────────────────────────────────────────────────────────────────
          –  : a country in Asia                        35%  without the vector

      Depends on the vector: layers 0–3. The prompt says the others anyway.
      evidence (nats): how much likelier the first 8 tokens are with the vector than
      without it or with the vectors of 2 unrelated sentences. From 3.0 on (20 times)
      they depend on the vector; below, the prompt says this anyway. p/token: the
      model's probability of a token, averaged over the first 8. A read-out is what
      can be decoded from a state: not that it is stored there, or used, or true.

      ! Position 0 gathers attention whatever its token is: its state says little."
    `);
  });

  test("tells what is about this source from what fits its kind, where there is a contrast set", () => {
    const ladder = exampleLadder();
    const result = {
      ...ladder,
      cells: ladder.cells.map((cell, index) => ({ ...cell, evidenceContrast: 7.5 - 2 * index })),
      controls: {
        ...ladder.controls,
        contrast: [{ prompt: "Michelle Obama", tokens: [1, 2], position: 1 }],
      },
      warnings: [],
    };
    expect(table(result, plain)).toMatchInlineSnapshot(`
      "smollm2-135m-instruct · 30 layers · float32 · onnx on cpu · 1.2 s
      source  Barack[ Obama]
      target  Syria: Country in the Middle East,[ x]
      The state of the source's [token] at one layer replaces the one of the target's
      [token] at the same layer; then the model goes on.

      layer  what the state says       p/token  evidence         contrast
        0–1  : American politician, …   50–62%   12.9–14.2        5.5–7.5  this source
          2  : American politician a…      21%         4.0            3.5  this source
          3  미국의 정치인이자 변호…      8.0%         3.2            1.5  its kind
        4–5  : a country in the Midd…   40–42%  0.0 to 1.3   -2.5 to -0.5  prompt
      ────────────────────────────────────────────────────────────────────────────────
          –  : a country in Asia           35%  without the vector

      Depends on the vector: layers 0–3. The prompt says the others anyway. About this
      source: layers 0–2; what is left fits others of its kind.
      evidence (nats): how much likelier the first 8 tokens are with the vector than
      without it or with the vectors of 2 unrelated sentences. From 3.0 on (20 times)
      they depend on the vector; below, the prompt says this anyway. contrast (nats):
      the same against the other source in its place; from 3.0 on a read-out is about
      this source, below it fits others of its kind. p/token: the model's probability
      of a token, averaged over the first 8. A read-out is what can be decoded from a
      state: not that it is stored there, or used, or true."
    `);
  });

  test("writes verdicts out where there is room, and leaves the bar out where there is none", () => {
    expect(body(table(exampleLadder(), { ...plain, width: 120 }))).toMatchInlineSnapshot(`
      "
      layer  what the state says                                       p/token  evidence
        0–1  : American politician, 44th president⏎of the United Sta…   50–62%   12.9–14.2 ███▉    depends on the vector
          2  : American politician and lawyer                              21%         4.0 █▎      depends on the vector
          3  미국의 정치인이자 변호사이며 제44대 대통령                   8.0%         3.2 █       depends on the vector
        4–5  : a country in the Middle East                             40–42%  0.0 to 1.3         the prompt says this anyway
      ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
          –  : a country in Asia                                           35%  without the vector
      "
    `);
    expect(body(table(exampleLadder(), { ...plain, width: 60 }))).toMatchInlineSnapshot(`
      "
      layer  what the state says      p/token  evidence
        0–1  : American politician,…   50–62%   12.9–14.2   vector
          2  : American politician …      21%         4.0   vector
          3  미국의 정치인이자 변호…     8.0%         3.2   vector
        4–5  : a country in the Mid…   40–42%  0.0 to 1.3   prompt
      ────────────────────────────────────────────────────────────
          –  : a country in Asia          35%  without the vector
      "
    `);
  });

  test("shows dots where evidence is still to come", () => {
    const partial = table(withoutEvidence(exampleLadder()), { ...plain, isPartial: true });
    expect(body(partial)).toMatchInlineSnapshot(`
      "
      layer  what the state says                           p/token  evidence
        0–1  : American politician, 44th president⏎of th…   50–62%  …
          2  : American politician and lawyer                  21%  …
          3  미국의 정치인이자 변호사이며 제44대 대통령       8.0%  …
        4–5  : a country in the Middle East                 40–42%  …
      ────────────────────────────────────────────────────────────────────────────────
          –  : a country in Asia                               35%  without the vector
      "
    `);
  });

  test("has no columns for evidence where no control ran", () => {
    const result = { ...withoutEvidence(exampleLadder()), controls: {} };
    expect(body(table(result, plain))).toMatchInlineSnapshot(`
      "
      layer  what the state says                                         p/token
        0–1  : American politician, 44th president⏎of the United States   50–62%
          2  : American politician and lawyer                                21%
          3  미국의 정치인이자 변호사이며 제44대 대통령                     8.0%
        4–5  : a country in the Middle East                               40–42%
      "
    `);
  });

  test("says what else was done to the target's run, in markdown too", () => {
    const result = exampleLadder();
    const knockout = { kind: "attention-knockout", from: -1, to: 0, layers: "all" } as const;
    const target = { ...result.spec.target, contamination: "hide" } as const;
    const spec = { ...result.spec, target, interventions: [knockout] };
    for (const text of [table({ ...result, spec }, plain), markdown({ ...result, spec })]) {
      const words = text.replaceAll(/\s+/g, " ");
      expect(words).toContain("An attention knockout is in effect in the target's run");
      expect(words).toContain("Later tokens do not see patched tokens");
    }
    expect(table(result, plain)).not.toMatch(/knockout|Later tokens/);
  });

  test("writes its own signs in ASCII where the terminal has nothing else", () => {
    const text = table(exampleLadder(), { ...plain, unicode: false });
    expect(text.replaceAll(/\p{Script=Hangul}/gu, "")).toMatch(/^\p{ASCII}*$/u);
  });

  test("is the same text with colours and without", () => {
    const coloured = table(exampleLadder(), { ...plain, colour: true });
    expect(coloured).not.toBe(table(exampleLadder(), plain));
    expect(stripVTControlCharacters(coloured)).toBe(table(exampleLadder(), plain));
  });

  describe("with shares of its tokens", () => {
    const shared = (evidence: number, shares: readonly number[]): PatchscopeResult => ({
      ...exampleLadder(),
      cells: exampleLadder()
        .cells.slice(0, 2)
        .map((cell) => ({
          ...cell,
          evidence,
          evidencePieces: [":", " American", " polit", "ician", ",", " ", "4", "4"],
          evidenceByToken: shares,
        })),
    });
    const row = (result: PatchscopeResult, width = 80): string =>
      body(table(result, { ...plain, width, colour: true })).split("\n")[2] ?? "";

    test("shows which words carry its evidence, where there are colours", () => {
      const result = shared(9, [0.1, 4, 2, 1.9, 0, 0, 0.5, 0.5]);
      const marked = row(result)
        .replaceAll(/\u001b\[32m\u001b\[1m(.*?)\u001b\[22m\u001b\[39m/gu, "<$1>")
        .replaceAll(/\u001b\[2m(.*?)\u001b\[22m/gu, "($1)");
      expect(stripVTControlCharacters(marked)).toMatchInlineSnapshot(
        `"  0–1  :< American>< politician>, <44>(th president⏎of th…)   50–62%  9.0 ██▊     vector"`,
      );
      const coloured = table(result, { ...plain, width: 500, colour: true });
      expect(coloured).toContain("Bright words carry");
    });

    test("stays the same text, however narrow", () => {
      for (const width of [48, 80, 140]) {
        const result = shared(9, [0, 4, 2, 1, 0, 0, 1, 1]);
        const coloured = stripVTControlCharacters(row(result, width));
        expect(coloured).toBe(body(table(result, { ...plain, width })).split("\n")[2]);
      }
    });

    test("shows none where the prompt says it anyway", () => {
      const result = shared(2, [0, 4, -2, 0, 0, 0, 0, 0]);
      expect(row(result)).toMatch(/^\u001b\[2m[^\u001b]*\u001b\[22m$/u);
      expect(table(result, { ...plain, colour: true })).not.toContain("Bright words");
    });
  });

  test("has a row for what the text alone would have said", () => {
    const ladder = exampleLadder();
    const prompt = { tokens: [1], pieces: ["Barack"], positions: [0] };
    const textOnly = { ...generated(": 44th president of the United States", 0.44), prompt };
    const result = { ...ladder, controls: { ...ladder.controls, textOnly } };
    expect(body(table(result, plain)).split("\n").slice(-4).join("\n")).toMatchInlineSnapshot(`
      "────────────────────────────────────────────────────────────────────────────────
          –  : a country in Asia                        35%  without the vector
          –  : 44th president of the United States      44%  the text instead
      "
    `);
    expect(body(table(result, { ...plain, width: 130 }))).toContain(
      "with the text in place of the vector",
    );
    expect(table(result, plain).replaceAll("\n", " ")).toContain(
      "the text instead: the model reads",
    );
  });

  test("has a row for what the model says to a text of its own", () => {
    const ladder = exampleLadder();
    const prompt = { tokens: [1, 2], pieces: ["Who", " leads?"], positions: [] };
    const textOnly = { ...generated(" Barack Obama", 0.44), prompt };
    const asked = {
      ...ladder.spec,
      controls: [{ kind: "text-only" as const, prompt: "Who leads?" }],
    };
    const result = { ...ladder, spec: asked, controls: { ...ladder.controls, textOnly } };
    const drawn = table(result, plain);
    expect(drawn).toMatch(/ –  .*Barack Obama .* 44%  the text itself/u);
    expect(drawn.replaceAll("\n", " ")).toContain(
      'the text itself: the model reads "Who leads?" and goes on',
    );
  });

  test("never gets wider than the terminal, in any script", () => {
    for (const width of [60, 80, 99, 140]) {
      const lines = table(exampleLadder(), { ...plain, width }).split("\n");
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
    }
  });

  test("takes the power from control characters", () => {
    const cell = {
      source: place(0, 2),
      target: place(0, 8),
      ...generated("\u001b[2Jx\u202e", 0.5),
    };
    expect(table(exampleResult({ cells: [cell] }), plain)).toContain("\\u{1b}[2Jx\\u{202e}");
  });
});

describe("next tokens", () => {
  test("are listed by probability, apart where only the space differs", () => {
    const cells = (["embedding", 0] as const).map((layer) => ({
      source: place(layer, 2),
      target: place(29, 8),
      next: nextTokens(
        [" the", 0.4],
        ["the", 0.3],
        [" Obama", 0.1],
        ["\n", 0.02],
        [" ", 0.004],
        ["x", 0.0001],
      ),
    }));
    const controls = { unpatched: { next: nextTokens([" the", 0.2]) } };
    expect(table(exampleResult({ read: nextTokenRead, cells, controls }), plain))
      .toMatchInlineSnapshot(`
      "smollm2-135m-instruct · 30 layers · float32 · onnx on cpu · 1.2 s
      source  Barack[ Obama]
      target  Syria: Country in the Middle East,[ x]
      The state of the source's [token] at one layer replaces the one of the target's
      [token] at layer 29; then the next token is read.

      layer  most probable next tokens
        emb  ␣the 40% · the 30% · Obama 10% · ⏎ 2.0% · ␣ 0.4%
          0  ␣the 40% · the 30% · Obama 10% · ⏎ 2.0% · ␣ 0.4%
      ───────────────────────────────────────────────────────
          –  without the vector: the 20%

      A read-out is what can be decoded from a state: not that it is stored there, or
      used, or true."
    `);
  });
});

describe("source layers against target layers", () => {
  const sweep = (sources: number, targets: number): PatchscopeResult =>
    exampleResult({
      cells: Array.from({ length: sources * targets }, (_, index) => {
        const [source, target] = [Math.floor(index / targets), index % targets];
        const text = `: American politician ${Math.floor(target / 4)}`;
        return {
          source: place(source, 2),
          target: place(target, 8),
          ...generated(text, 0.3),
          evidence: source * target,
        };
      }),
    });

  test("are a grid where the cells stay readable", () => {
    expect(body(table(sweep(3, 4), plain))).toMatchInlineSnapshot(`
      "
      from into 0             into 1             into 2             into 3
         0 -: American polit… -: American polit… -: American polit… -: American polit…
         1 -: American polit… -: American polit… -: American polit… : American politi…
         2 -: American polit… -: American polit… : American politi… : American politi…
      - before a read-out: the prompt says this anyway
      "
    `);
  });

  test("have what is said without the vector beneath them, as long as the terminal is wide", () => {
    const grid = sweep(3, 4);
    const unpatched = generated(`: ${"country ".repeat(20)}`, 0.35);
    const prompt = { tokens: [1], pieces: ["Who"], positions: [] };
    const textOnly = { ...generated(" Obama", 0.44), prompt };
    const lines = table({ ...grid, controls: { unpatched, textOnly } }, plain).split("\n");
    expect(lines).toContain("the text instead: Obama");
    expect(lines.find((line) => line.startsWith("without the vector: : country"))).toHaveLength(80);
  });

  test("are a list for each source layer where they would not", () => {
    expect(body(table(sweep(2, 20), plain))).toMatchInlineSnapshot(`
      "
       into  what the state says      p/token  evidence
      from layer 0
        0–3  : American politician 0      30%        0.0         prompt
        4–7  : American politician 1      30%        0.0         prompt
       8–11  : American politician 2      30%        0.0         prompt
      12–15  : American politician 3      30%        0.0         prompt
      16–19  : American politician 4      30%        0.0         prompt
      from layer 1
        0–2  : American politician 0      30%    0.0–2.0         prompt
          3  : American politician 0      30%        3.0 ▉       vector
        4–7  : American politician 1      30%    4.0–7.0 █▎      vector
       8–11  : American politician 2      30%   8.0–11.0 ██▍     vector
      12–15  : American politician 3      30%  12.0–15.0 ███▋    vector
      16–19  : American politician 4      30%  16.0–19.0 ████▊   vector
      "
    `);
  });
});

test("several source positions have a heading each", () => {
  const cells = [0, 2].flatMap((position) =>
    [0, 1].map((layer) => ({
      source: place(layer, position),
      target: place(layer, 8),
      ...generated(`: ${position} at ${layer}`, 0.3),
    })),
  );
  expect(body(table(exampleResult({ cells }), plain))).toMatchInlineSnapshot(`
    "
    layer  what the state says  p/token
    from token 0 "Bar"
        0  : 0 at 0                 30%
        1  : 0 at 1                 30%
    from token 2 "Obama"
        0  : 2 at 0                 30%
        1  : 2 at 1                 30%
    "
  `);
});

test("a cell that writes several vectors is named by all of them", () => {
  const writes = [
    { source: place(1, 0), target: place(3, 8) },
    { source: place("embedding", 1), target: place(3, 7) },
  ];
  const cells = [{ writes, ...generated(": American politician", 0.3), evidence: 4 }];
  expect(body(table(exampleResult({ cells }), plain))).toMatchInlineSnapshot(`
    "
               writes  what the state says    p/token  evidence
    1@0>3@8 emb@1>3@7  : American politician      30%  4.0 █▎      vector
    "
  `);
});

test("a slice of states is one row, and its layer is named once", () => {
  const cells = [4, 4, 1].map((evidence, layer) => ({
    writes: [0, 1].map((token) => ({
      source: place(layer, token),
      target: place(layer, 7 + token),
    })),
    ...generated(evidence > 1 ? ": American politician" : ": an actor", 0.3),
    evidence,
  }));
  const text = table(exampleResult({ cells }), plain);
  expect(text).toContain("Depends on the vector: layers 0–1. The prompt says the others anyway.");
  expect(text.replaceAll("\n", " ")).toContain(
    "The states of the source's [tokens] at one layer replace those of the target's [tokens] at the same layer",
  );
});
