import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FIXTURES } from "../../tests/support/goldens.ts";
import {
  recordingTerminal,
  type RecordingTerminal,
} from "../../tests/support/recording-terminal.ts";
import { loadMapping } from "../node.ts";
import { runCommandLine } from "./program.ts";

// Has no tokenizer: the model writes token ids.
const MODEL = join(FIXTURES, "tiny", "llama-gqa");
const WITH_TOKENIZER = join(FIXTURES, "tiny", "llama-gguf", "model.gguf");

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-fit-"));
});

afterAll(() => rm(folder, { recursive: true }));

async function run(
  args: readonly string[],
  signal = new AbortController().signal,
): Promise<{ readonly status: number; readonly terminal: RecordingTerminal }> {
  return runHere([...args, "--model", MODEL], signal);
}

async function runHere(
  args: readonly string[],
  signal = new AbortController().signal,
): ReturnType<typeof run> {
  const terminal = recordingTerminal();
  return { status: await runCommandLine(args, { terminal, signal }), terminal };
}

test("A mapping is fitted, scored and kept, and a lens reads through it", async () => {
  const out = join(folder, "map.safetensors");
  const fit = await run(["fit", "--sample", "12", "--layers", "embedding,0,1", "--out", out]);
  expect(fit.terminal.noted()).not.toContain("error");
  expect(fit.status).toBe(0);
  expect(fit.terminal.printed()).toMatch(
    /affine maps to layer 2\n.*\n12 texts of up to 64 tokens/u,
  );
  expect(fit.terminal.printed()).toMatch(/embedding +\d+\.\d%/u);
  const lens = ["inspect", "--tokens", "5,6,7", "--preset", "tuned-lens", "--map", out];
  const inspected = await run([...lens, "--format", "json"]);
  expect(inspected.status).toBe(0);
  expect(JSON.parse(inspected.terminal.printed())).toMatchObject({
    spec: { mapping: { kind: "file", file: out } },
    warnings: [],
  });
});

test.each([
  ["low-rank", "--rank"],
  ["mlp", "--hidden"],
])("A %s mapping is fitted, and read through", async (kind, option) => {
  const out = join(folder, `${kind}.safetensors`);
  const args = ["--sample", "12", "--layers", "embedding,0,1", "--kind", kind, option, "4"];
  const fit = await run(["fit", ...args, "--ridge", "auto", "--out", out]);
  expect(fit.terminal.noted()).not.toContain("error");
  expect(fit.terminal.printed()).toContain(`${kind} maps to layer 2`);
  const lens = ["inspect", "--tokens", "5,6,7", "--preset", "tuned-lens"];
  expect((await run([...lens, "--map", out])).status).toBe(0);
});

test("Where a mapping has not all layers, presets read those that it has", async () => {
  const cellsOf = async (args: readonly string[]): Promise<unknown> => {
    const { terminal } = await run(["inspect", "--tokens", "5,6,7", ...args, "-f", "json"]);
    const { cells } = JSON.parse(terminal.printed()) as {
      cells: { source: { layer: unknown }; target: { layer: unknown } }[];
    };
    return cells.map(({ source, target }) => [source.layer, target.layer]);
  };
  const fit = async (name: string, more: readonly string[]): Promise<string> => {
    const out = join(folder, name);
    const { terminal } = await run(["fit", "--sample", "12", ...more, "--out", out]);
    return terminal.printed();
  };
  const lens = join(folder, "one-layer");
  expect(await fit("one-layer", ["--layers", "1"])).toContain(`--preset tuned-lens --map ${lens}`);
  expect(await cellsOf(["--preset", "tuned-lens", "--map", lens])).toEqual([[1, 2]]);
  const shortcut = join(folder, "shortcut");
  expect(await fit("shortcut", ["--layers", "0", "--to", "1"])).toContain(
    `--preset linear-shortcut --map ${shortcut}`,
  );
  const through = ["--preset", "linear-shortcut", "--map", shortcut];
  expect(await cellsOf(through)).toEqual([[0, 1]]);
  expect(await cellsOf([...through, "--layers", "0", "--target-layer", "-2"])).toEqual([[0, 1]]);
  const whole = join(folder, "whole");
  await fit("whole", []);
  expect(await cellsOf(["--preset", "tuned-lens", "--map", whole])).toEqual([
    [0, 2],
    [1, 2],
    [2, 2],
  ]);
  expect(await fit("site", ["--site", "attn_out", "--layers", "0", "--to", "1"])).toContain(
    "a spec with site: attn_out on both sides",
  );
});

test("A relation is learned from marked texts, measured on others, and read with its preset", async () => {
  const texts = join(folder, "relation.txt");
  const out = join(folder, "relation.safetensors");
  await writeFile(texts, "I saw {the cat} sat\nI saw {the dog} sat\nI saw {a cat} sat\n");
  const here = (args: readonly string[]): typeof args => [...args, "--model", WITH_TOKENIZER];
  const fit = await runHere(
    here(["fit", "--kind", "lre", "--texts", texts, "--examples", "2", "--beta", "2", "-o", out]),
  );
  expect(fit.terminal.noted()).not.toContain("error");
  expect(fit.terminal.printed()).toContain("fitted on 2 states, measured on 1 others");
  const { kind, pairs, fit: record } = await loadMapping(out);
  expect({ kind, record }).toMatchObject({ kind: "affine", record: { method: "lre", beta: 2 } });
  const layer = String(pairs[0]?.source);
  const read = await runHere(
    here([
      "inspect",
      "I saw a dog",
      "--preset",
      "lre",
      "--map",
      out,
      "--layers",
      layer,
      "-f",
      "json",
    ]),
  );
  expect(JSON.parse(read.terminal.printed())).toMatchObject({ warnings: [], controls: {} });
});

test("What is stopped leaves no file", async () => {
  const stopped = join(folder, "stopped.safetensors");
  const { status } = await run(["fit", "--sample", "12", "--out", stopped], AbortSignal.abort());
  expect(status).toBe(130);
  expect(await readdir(folder)).not.toContain("stopped.safetensors");
});

test.each([
  [["--sample", "3", "--texts", "a.txt"], "There are both --texts and --sample."],
  [[], "There are no texts to fit on."],
  [
    ["--sample", "3", "--kind", "cubic"],
    '--kind: expected affine, procrustes, scalar-affine, low-rank, mlp, lre, got "cubic"',
  ],
  [["--sample", "3", "--ridge", "-1"], '--ridge: expected a number from 0 on, or auto, got "-1"'],
  [["--sample", "3", "--rank", "4"], "--rank is for --kind low-rank, and the kind is affine."],
  [
    ["--sample", "3", "--kind", "low-rank", "--hidden", "4"],
    "--hidden is for --kind mlp, and the kind is low-rank.",
  ],
  [["--sample", "3", "--kind", "mlp", "--to-model", MODEL], "are for maps within one model"],
  [["--sample", "3", "--kind", "lre"], "A relation is learned from --texts"],
  [["--sample", "3", "--beta", "2"], "--beta is for --kind lre, and the kind is affine."],
  [["--sample", "3", "--kind", "lre", "--beta", "0"], '--beta: expected a number above 0, got "0"'],
  [["--texts", "a.txt", "--kind", "lre", "--ahead", "1"], "are not for --kind lre"],
  [["--sample", "3", "--site", "q"], "--site: expected resid_pre, resid_mid"],
  [["--sample", "3", "--ahead", "-1"], '--ahead: expected a whole number from 0 on, got "-1"'],
  [["--sample", "3", "--to", "last"], '--to: expected a layer such as 12 or -1, got "last"'],
  [["--sample", "3", "--to", "9"], "layer 9 does not exist"],
  [["--sample", "3", "--layers", "7"], "layer 7 does not exist"],
  [["--texts", "no-such-file.txt"], "Cannot read the texts no-such-file.txt"],
])("A wrong request is refused with status 2: %j", async (args, message) => {
  const { status, terminal } = await run(["fit", ...args, "--out", join(folder, "no.safetensors")]);
  expect(terminal.noted()).toContain(message);
  expect(status).toBe(2);
});

test("Texts for a model without a tokenizer are refused", async () => {
  const texts = join(folder, "texts.txt");
  await writeFile(texts, "one\ntwo\n");
  const { status, terminal } = await run(["fit", "--texts", texts, "--out", join(folder, "no")]);
  expect(terminal.noted()).toContain("--texts needs a tokenizer");
  expect(status).toBe(2);
});
