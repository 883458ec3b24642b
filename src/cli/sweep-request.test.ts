import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  sweep,
  SWEPT_MODEL,
  SWEPT_SPEC,
  useSweepFolder,
} from "../../tests/support/sweep-command.ts";

const { path, file, spec, animals } = useSweepFolder();

describe("a wrong request ends with 2, one message and one hint, and leaves no file", () => {
  const samplesCases: readonly (readonly [string, string, string, string])[] = [
    [
      "a sample without a field",
      "a.jsonl",
      '{"animal": "a cat"}\n\n{"anmal": "x"}\n',
      'line 3: source.prompt: the sample has no field "animal": it has anmal',
    ],
    ["a broken line", "a.jsonl", '{"animal": "a cat"}\n{"animal": \n', "line 2: it is no JSON."],
    ["a line that is no object", "a.jsonl", "[1]\n", "line 1: it is no JSON object."],
    ["no samples", "a.jsonl", "\n\n", "There are no samples in"],
    ["a header alone", "a.csv", "animal\n", "There are no samples in"],
    [
      "a row that is too short",
      "a.csv",
      "animal,b\na cat\n",
      "line 2: it has not as many values as the header.",
    ],
    [
      "an open quote",
      "a.csv",
      'animal\n"a cat\n',
      "line 2: a quote that is opened there is not closed.",
    ],
    ["a column twice", "a.csv", "animal,animal\n1,2\n", 'line 1: two columns are called "animal".'],
    ["a column without a name", "a.csv", "animal,\n1,2\n", "line 1: a column has no name."],
    ["an unknown kind", "a.tsv", "animal\n", "of no kind that is known"],
  ];

  test.each(samplesCases)("%s", async (_, name, content, message) => {
    const out = path("out.jsonl");
    const { status, err } = await sweep([spec(), "-s", await file(name, content), "-o", out]);
    expect(err).toContain(message);
    expect(err).toMatch(/^(?:Planning …\n)?error: [^\n]+\nhint: [^\n]+\n$/u);
    expect(status).toBe(2);
    expect(await readdir(path(""))).not.toContain("out.jsonl");
  });

  test.each([
    [
      "a spec without a gap",
      [],
      SWEPT_SPEC.replaceAll("{{animal}}", "the cat"),
      "has no {{field}}",
    ],
    [
      "a number from text",
      [],
      SWEPT_SPEC.replace("find: x }", 'find: x }, layer: "{{animal}}"'),
      "line 1: target.layer: ",
    ],
    [
      "several models",
      [],
      SWEPT_SPEC.replace(SWEPT_MODEL, '"{{animal}}"'),
      "line 2: it names another model",
    ],
    ["no answer", ["--answer", " / "], SWEPT_SPEC, 'line 1: --answer " / " gives no answer.'],
    [
      "an answer that samples lack",
      ["--answer", "{{x}}"],
      SWEPT_SPEC,
      'line 1: the sample has no field "x": it has animal',
    ],
    ["another form", ["--format", "md"], SWEPT_SPEC, '--format: expected jsonl or csv, got "md".'],
    [
      "other columns in a table",
      ["--format", "csv"],
      SWEPT_SPEC.replace("topK: 2", 'topK: "{{n}}"'),
      "topK",
    ],
  ])("%s", async (_, args, text, message) => {
    const { status, err } = await sweep([
      ...[await file("own.yaml", text), "-s", await animals()],
      ...args,
    ]);
    expect(err).toContain(message);
    expect(err.match(/^hint: /gmu)).toHaveLength(1);
    expect(status).toBe(2);
  });

  test("columns that differ from sample to sample", async () => {
    const own = await file("own.yaml", SWEPT_SPEC.replace("topK: 2", 'topK: "{{n}}"'));
    const samples = await file(
      "n.jsonl",
      '{"animal": "a cat", "n": 1}\n{"animal": "a cat", "n": 2}\n',
    );
    const { status, err } = await sweep([own, "-s", samples, "--format", "csv"]);
    expect(err).toContain("line 2: its read-outs have other columns");
    expect(status).toBe(2);
  });

  test("a text that is not there, before the model is loaded", async () => {
    const own = await file(
      "own.yaml",
      SWEPT_SPEC.replace('find: "{{animal}}"', 'find: "{{seen}}"'),
    );
    const samples = await file(
      "a.jsonl",
      '{"animal": "a cat", "seen": "cat"}\n{"animal": "a dog", "seen": "cat"}\n',
    );
    const { status, err } = await sweep([own, "-s", samples, "-o", path("out.jsonl")]);
    expect(err).toMatch(
      /^Planning …\nerror: [^\n]*a\.jsonl, line 2: source\.position[^\n]*\nhint: [^\n]+\n$/u,
    );
    expect(status).toBe(2);
    expect(await readdir(path(""))).not.toContain("out.jsonl");
  });

  test("all unfit samples are named", async () => {
    const lines = ["the cat", "", "a dog", "", ""].map((animal) => JSON.stringify({ animal }));
    const { err } = await sweep([spec(), "-s", await file("a.jsonl", lines.join("\n"))]);
    expect(err).toMatch(/a\.jsonl, line 2: source\.position/u);
    expect(err).toMatch(/a\.jsonl: 2 more cannot run: lines 4, 5\./u);
  });

  test("samples that are not there", async () => {
    const { status, err } = await sweep([spec(), "-s", path("missing.csv")]);
    expect(err).toContain("missing.csv: there is no such file or folder.");
    expect(status).toBe(2);
  });

  test("spec and samples both on standard input", async () => {
    const { status, err } = await sweep(["-", "--samples", "-"]);
    expect(err).toContain("cannot both come from standard input");
    expect(status).toBe(2);
  });

  test("a place where nothing can be written, before the model is looked for", async () => {
    const out = path("missing/out.jsonl");
    const { status, err } = await sweep([spec(), "-s", await animals(), "-o", out]);
    expect(err).toContain(`Cannot write ${out}`);
    expect(status).toBe(1);
  });
});
