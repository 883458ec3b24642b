import { readdir, readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { linesOf, sweep, SWEPT_SPEC, useSweepFolder } from "../../tests/support/sweep-command.ts";

const { path, file, spec, animals } = useSweepFolder();

describe("a sweep that was stopped", () => {
  const whole = async (): Promise<{
    readonly samples: string;
    readonly text: string;
    readonly out: string;
  }> => {
    const samples = await animals();
    const out = path("whole.jsonl");
    expect(await sweep([spec(), "-s", samples, "-o", out])).toMatchObject({ status: 0 });
    return { samples, out, text: await readFile(out, "utf8") };
  };

  test("goes on behind the last whole line, to the same bytes", async () => {
    const { samples, text } = await whole();
    const [first = "", second = ""] = text.split("\n");
    for (const cut of [
      "",
      first.slice(0, 5),
      first,
      `${first}\n`,
      `${first}\n${second.slice(0, 90)}`,
      `${first}\n${second.slice(0, -1)}`,
    ]) {
      const part = await file("part.jsonl", cut);
      const { status, out } = await sweep([spec(), "-s", samples, "-o", part]);
      expect({ status, out }).toMatchObject({ status: 0 });
      expect(await readFile(part, "utf8")).toBe(text);
      expect(out).toContain("4 samples · 12 read-outs");
    }
  });

  test("does nothing where all is there", async () => {
    const { samples, out, text } = await whole();
    const { status, err } = await sweep([spec(), "-s", samples, "-o", out, "--limit", "2"]);
    expect({ status, err }).toEqual({
      status: 0,
      err: expect.stringContaining("whole.jsonl has 2 of 2 samples already.\n") as string,
    });
    expect(err).not.toContain("Loading");
    expect(await readFile(out, "utf8")).toBe(text);
  });

  test("by Ctrl-C says what is there, and the same command makes the rest", async () => {
    // More cells than are looked at together, so that some samples are there when others are not.
    const many = await file(
      "many.yaml",
      SWEPT_SPEC.replace('find: "{{animal}}" }', 'find: "{{animal}}" }, layer: all').replace(
        "{ find: x }",
        "{ find: x }, layer: { from: 0, to: 2 }",
      ),
    );
    const samples = await file(
      "n.jsonl",
      Array.from({ length: 300 }, (_, index) => JSON.stringify({ animal: `cat ${index}` })).join(
        "\n",
      ),
    );
    const args = [many, "-s", samples, "-o"];
    const wholeOut = path("all.jsonl");
    expect(await sweep([...args, wholeOut])).toMatchObject({ status: 0 });
    const out = path("stopped.jsonl");
    const stopped = await sweep([...args, out], { stopAt: /^(?:1[5-9]|2\d)\d of 300 samples, /u });
    expect(stopped.status).toBe(130);
    const done = linesOf(await readFile(out, "utf8")).length;
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(300);
    expect(stopped.err).toContain(
      `${done} of 300 samples are in ${out}: the same command goes on from there.\nStopped.\n`,
    );
    expect(await sweep([...args, out])).toMatchObject({ status: 0 });
    expect(await readFile(out, "utf8")).toBe(await readFile(wholeOut, "utf8"));
  });

  test("before anything was written leaves no file", async () => {
    const { status } = await sweep([spec(), "-s", await animals(), "-o", path("no.jsonl")], {
      stopAt: /Planning/u,
    });
    expect(status).toBe(130);
    expect(await readdir(path(""))).not.toContain("no.jsonl");
  });

  test.each([
    [
      "other samples",
      "line 1 is not of the sample in line 1",
      { samples: '{"animal": "a bee"}\n' },
    ],
    [
      "fewer samples",
      "line 2 is of a sample more than there are",
      { samples: '{"animal": "the cat"}\n' },
    ],
    [
      "another spec",
      "line 1 was run with another spec or another model",
      { spec: SWEPT_SPEC.replace("sat", "ran") },
    ],
    [
      "another precision",
      "line 1 was run with --precision float32",
      { args: ["--precision", "int8"] },
    ],
    ["what is no sweep", "line 1 is no line of a sweep", { text: "{}\n" }],
    ["somebody's notes", "line 1 is no line of this sweep", { text: "notes" }],
  ])("is not taken for one of %s", async (_, message, other) => {
    const { out, text, ...own } = await whole();
    const changed: { samples?: string; spec?: string; text?: string; args?: readonly string[] } =
      other;
    const before = changed.text ?? text;
    await writeFile(out, before);
    const samples =
      changed.samples === undefined ? own.samples : await file("o.jsonl", changed.samples);
    const ofSpec = changed.spec === undefined ? spec() : await file("o.yaml", changed.spec);
    const ended = await sweep([ofSpec, "-s", samples, "-o", out, ...(changed.args ?? [])]);
    expect(ended.err).toContain(
      `error: ${out} is not of this sweep: ${message}. It is left as it was.\n`,
    );
    expect(ended.err).toContain("hint: Give another --out, or move that file away.\n");
    expect(ended.status).toBe(2);
    expect(await readFile(out, "utf8")).toBe(before);
  });
});
