import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import {
  ANIMALS,
  linesOf,
  sweep,
  SWEPT_SPEC,
  type SweepLine,
  useSweepFolder,
} from "../../tests/support/sweep-command.ts";
import { runCommandLine } from "./program.ts";

const { path, file, spec, animals } = useSweepFolder();

/** A number of the last line's digits may differ: other passes round otherwise. */
function withoutDigits(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, each: unknown) =>
    typeof each === "number" ? Number(each.toFixed(3)) : each,
  );
}

describe("a sweep", () => {
  test("writes what run writes of each sample, and the sample", async () => {
    const { status, out, err } = await sweep([spec(), "--samples", await animals()]);
    expect(err).not.toContain("error");
    expect(status).toBe(0);
    const lines = linesOf(out);
    expect(lines.map(({ sample }) => sample)).toEqual(ANIMALS.map((animal) => ({ animal })));
    for (const { sample, timing, ...result } of lines) {
      expect(timing).toEqual({ loadMs: 0, runMs: 0 });
      const own = await file(
        "own.yaml",
        SWEPT_SPEC.replaceAll("{{animal}}", String(sample["animal"])),
      );
      const terminal = recordingTerminal();
      const signal = new AbortController().signal;
      await runCommandLine(["run", own, "--threads", "1"], { terminal, signal });
      const { timing: _, ...expected } = JSON.parse(terminal.printed()) as SweepLine;
      expect(withoutDigits(result)).toEqual(withoutDigits(expected));
    }
  });

  test("says on standard error what it did, when lines go to standard output", async () => {
    const { err } = await sweep([spec(), "--samples", await animals(2)]);
    expect(err).toMatch(/model\.gguf · float32 · 2 samples · 6 read-outs · \d+\.\d s\n/u);
    expect(err.split("\n").length).toBeLessThan(12);
  });

  test("takes samples from CSV and text files", async () => {
    const csv = await file("animals.csv", 'animal,n\r\n"the cat",1\r\n\r\na dog,2\r\n');
    const fromCsv = linesOf((await sweep([spec(), "--samples", csv])).out);
    expect(fromCsv.map(({ sample }) => sample)).toEqual([
      { animal: "the cat", n: "1" },
      { animal: "a dog", n: "2" },
    ]);
    const ofPrompts = await file(
      "prompts.yaml",
      SWEPT_SPEC.replace("I saw {{animal}}", "{{prompt}}").replace('{ find: "{{animal}}" }', "-1"),
    );
    const txt = await file("prompts.txt", "the cat\n\n a dog\n");
    const fromText = linesOf((await sweep([ofPrompts, "--samples", txt])).out);
    expect(fromText.map(({ sample }) => sample)).toEqual([
      { prompt: "the cat" },
      { prompt: " a dog" },
    ]);
  });

  test("keeps the types of JSON values that stand alone", async () => {
    const layers = await file(
      "layers.yaml",
      SWEPT_SPEC.replace("{ find: x }", '{ find: x }, layer: "{{layer}}"'),
    );
    const samples = await file(
      "s.jsonl",
      '{"animal": "a cat", "layer": [0, 2]}\n{"animal": "a dog", "layer": 1}\n',
    );
    const lines = linesOf((await sweep([layers, "-s", samples])).out);
    expect(lines.map(({ cells }) => (cells as unknown[]).length)).toEqual([6, 3]);
  });

  test("stops at the limit", async () => {
    const { out } = await sweep([spec(), "--samples", await animals(), "--limit", "3"]);
    expect(linesOf(out)).toHaveLength(3);
  });

  test("explains itself without running", async () => {
    const { status, out } = await sweep([spec(), "--samples", await animals(), "--explain"]);
    expect(status).toBe(0);
    expect(out).toContain("The first sample (line 1):\n3 cells in a model of 3 layers.");
    expect(out).toContain("All 4 samples: 12 rows in 1 pass.");
  });

  test("writes a table with the sample's fields first", async () => {
    const samples = await file(
      "a.jsonl",
      '{"animal": "a \\"cat\\", big"}\n{"animal": "a dog", "text": [1]}\n',
    );
    const generate = await file(
      "gen.yaml",
      SWEPT_SPEC.replace("{ kind: next-token, topK: 2 }", "{ maxTokens: 2 }"),
    );
    const out = path("table.csv");
    const { status, err } = await sweep([generate, "-s", samples, "--out", out]);
    expect({ status, err }).toMatchObject({ status: 0 });
    const lines = (await readFile(out, "utf8")).trimEnd().split("\n");
    expect(lines[0]).toMatch(/^animal,sample_text,source_layer,.*,text,/u);
    expect(lines).toHaveLength(1 + 6);
    expect(lines[1]).toMatch(/^"a ""cat"", big",,0,/u);
    expect(lines[4]).toMatch(/^a dog,\[1\],0,/u);
    const again = await sweep([generate, "-s", samples, "--out", out]);
    expect(again).toMatchObject({ status: 2 });
    expect(again.err).toContain("a table cannot be gone on with");
  });

  test("a metric of a token that differs is one column, under the name that the spec has", async () => {
    const metrics = await file(
      "m.yaml",
      `${SWEPT_SPEC}metrics: [{ kind: probability, of: "{{animal}}" }, { kind: entropy }]\n`,
    );
    const out = path("m.csv");
    const { out: summary, err } = await sweep([metrics, "-s", await animals(2), "--out", out]);
    expect(err).not.toContain("error");
    const [header = ""] = (await readFile(out, "utf8")).split("\n");
    expect(header).toContain('"probability ""{{animal}}""",entropy');
    expect(summary.replaceAll(/\s+/gu, " ")).toMatch(
      /Mean probability "\{\{animal\}\}" over 2 samples: from [\d.]+ at layer \d to [\d.]+ at layer \d, the extremes of 3 cells, chosen in hindsight\./u,
    );
  });
});

describe("the summary", () => {
  test("says how many read-outs are right, where, and how that was chosen", async () => {
    const own = await file(
      "own.yaml",
      SWEPT_SPEC.replace("{ kind: next-token, topK: 2 }", "{ maxTokens: 3, ignoreEos: true }"),
    );
    const samples = await animals();
    const out = path("out.jsonl");
    expect(await sweep([own, "-s", samples, "-o", out])).toMatchObject({ status: 0 });
    // The first words of what the model says are the answers.
    const said = linesOf(await readFile(out, "utf8")).map(({ cells }) => {
      const [first] = cells as readonly { readonly text: string }[];
      return first?.text.trim() ?? "";
    });
    const answered = await file(
      "answered.jsonl",
      ANIMALS.map((animal, index) =>
        JSON.stringify({ animal, said: [said[index], "no such word"] }),
      ).join("\n"),
    );
    const { status, out: summary } = await sweep([
      own,
      "-s",
      answered,
      "--answer",
      "{{said}}",
      "-o",
      path("b.jsonl"),
    ]);
    expect(status).toBe(0);
    expect(summary).toMatch(/^ +0 +100% +█{10} +51–100% +4 of 4 /mu);
    expect(summary).toMatch(/At best 4 of 4 \(100%, 95% interval 51–100%\) are right, at layer 0/u);
    expect(summary).toMatch(/best of 3 cells, chosen in hindsight/u);
    expect(summary).toMatch(/Without the vector the prompt\s+alone is right in \d of 4/u);
    expect(summary).toMatch(
      /Depending on the vector: \d+ of \d+ right read-outs; in that cell \d of 4\./u,
    );
  });

  test("draws a grid as a map", async () => {
    const own = await file(
      "own.yaml",
      SWEPT_SPEC.replace('"{{animal}}" } }', '"{{animal}}" }, layer: all }').replace(
        "find: x }",
        "find: x }, layer: all",
      ),
    );
    const out = path("grid.jsonl");
    const { out: summary } = await sweep([
      own,
      "-s",
      await animals(),
      "--answer",
      "zzz",
      "-o",
      out,
    ]);
    expect(summary).toMatch(/^from > into +0 +1 +2$/mu);
    expect(summary).toContain("share of right read-outs: ");
    expect(summary).toContain("No read-out of 9 cells is right.");
  });
});
