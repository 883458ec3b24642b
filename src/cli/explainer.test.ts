import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { FIXTURES } from "../../tests/support/goldens.ts";
import {
  recordingTerminal,
  type RecordingTerminal,
} from "../../tests/support/recording-terminal.ts";
import { writeSafetensors } from "../models/weights/safetensors-writer.ts";
import { runCommandLine } from "./program.ts";

// The one tiny model with a tokenizer; its copy is another model to whoever only knows names.
const MODEL = join(FIXTURES, "tiny", "llama-gguf", "model.gguf");
const ASK = ["--ask", "I saw x", "--max-tokens", "3", "--threads", "1"];

let folder: string;
let reader: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-explainer-"));
  reader = join(folder, "reader.gguf");
  await copyFile(MODEL, reader);
});

afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(folder, { recursive: true }));

async function run(
  args: readonly string[],
): Promise<{ readonly status: number; readonly terminal: RecordingTerminal }> {
  vi.stubEnv("PATCHSCOPES_CACHE", join(folder, "cache"));
  const terminal = recordingTerminal();
  const { signal } = new AbortController();
  const status = await runCommandLine([...args, "--model", MODEL], { terminal, signal });
  return { status, terminal };
}

interface Shown {
  readonly spec: object;
  readonly models: readonly { readonly name: string }[];
  readonly source: { readonly metrics?: object };
  readonly cells: readonly {
    readonly source: object;
    readonly target: object;
    readonly metrics?: object;
  }[];
  readonly warnings: readonly object[];
}

async function resultOf(
  args: readonly string[],
): Promise<{ readonly noted: string; readonly result: Shown }> {
  const { status, terminal } = await run(["inspect", "the cat sat", ...args, "--format", "json"]);
  expect(terminal.noted()).not.toContain("error");
  expect(status).toBe(0);
  return { noted: terminal.noted(), result: JSON.parse(terminal.printed()) as Shown };
}

test("Without a map one is fitted, kept, and used again", async () => {
  const explained = await run([
    "inspect",
    "the cat sat",
    "--explainer",
    reader,
    ...ASK,
    "--explain",
  ]);
  expect(explained.terminal.printed()).toContain("Map: fitted first, on 48 texts");
  const first = await resultOf(["--explainer", reader, ...ASK]);
  expect(first.noted).toContain("There is no map from");
  expect(await readdir(join(folder, "cache", "maps"))).toHaveLength(1);
  expect(first.result.models).toHaveLength(2);
  expect(first.result.warnings).toEqual([]);
  // A sixth of three layers is the first one.
  expect(first.result.cells.map(({ source, target }) => [source, target])).toMatchObject([
    [{ layer: 0 }, { layer: 0 }],
    [{ layer: 1 }, { layer: 0 }],
    [{ layer: 2 }, { layer: 0 }],
  ]);
  const again = await resultOf(["--explainer", reader, ...ASK]);
  expect(again.noted).toContain("Reading through the map that was fitted before");
  expect(again.result.cells).toEqual(first.result.cells);
});

test("A map that was stopped while it was fitted on the spot goes on", async () => {
  const cache = join(folder, "stopped");
  vi.stubEnv("PATCHSCOPES_CACHE", cache);
  const stop = new AbortController();
  const terminal = recordingTerminal();
  const note = (text: string): void => {
    terminal.note(text);
    if (text.includes("Measuring")) stop.abort();
  };
  const args = ["inspect", "the cat sat", "--explainer", reader, ...ASK, "--model", MODEL];
  const status = await runCommandLine(args, {
    terminal: { ...terminal, note },
    signal: stop.signal,
  });
  expect(status).toBe(130);
  expect(terminal.noted()).toContain("keeps what was read: the same command goes on from it");
  expect(await readdir(join(cache, "maps"))).toMatchObject([
    expect.stringMatching(/\.safetensors\.part$/u),
  ]);
  const again = recordingTerminal();
  const { signal } = new AbortController();
  expect(await runCommandLine(args, { terminal: again, signal })).toBe(0);
  expect(again.noted()).toContain("Going on from");
  expect(again.noted()).not.toContain("Writing texts");
  const [kept, ...others] = await readdir(join(cache, "maps"));
  expect(others).toEqual([]);
  const whole = await readFile(join(folder, "cache", "maps", kept ?? ""));
  expect(await readFile(join(cache, "maps", kept ?? ""))).toEqual(whole);
});

test("A map that fit has made says which layers are read", async () => {
  const out = join(folder, "across.safetensors");
  const layers = ["--layers", "1,2", "--to-layers", "1,2"];
  const sample = ["--sample", "40", "--ridge", "0.1", "--threads", "1"];
  const fit = await run(["fit", "--to-model", reader, ...layers, ...sample, "--out", out]);
  expect(fit.terminal.printed()).toMatch(/affine maps from layers of .* to layers of/u);
  expect(fit.terminal.printed()).toMatch(/ 2 > 1 +\d/u);
  expect(fit.terminal.printed()).toContain(`--explainer ${reader} --map ${out}`);
  const { result } = await resultOf(["--explainer", reader, "--map", out, ...ASK]);
  expect(result.cells.map(({ source, target }) => [source, target])).toMatchObject([
    [{ layer: 1 }, { layer: 1 }],
    [{ layer: 2 }, { layer: 1 }],
  ]);
  const lens = await resultOf([
    ...["--explainer", reader, "--map", out],
    ...["--preset", "tuned-lens", "--threads", "1"],
  ]);
  expect(lens.result.cells[0]).toMatchObject({ source: { layer: 1 }, target: { layer: 2 } });
});

test("Entities across models are entities that another model reads, with no map of one's own", async () => {
  const { terminal } = await run([
    ...["inspect", "the cat sat", "--explainer", reader, "--preset", "cross-model-entity"],
  ]);
  // Too long for a tiny model: only the prompt of entity description is.
  expect(terminal.noted()).toContain("target: the prompt has 138 tokens");
});

test("The future lens reads with a trained prompt, in the model itself and in another one", async () => {
  const soft = join(folder, "soft.safetensors");
  const prompt = new Float32Array(4 * 32).map((_, index) => Math.sin(index));
  await writeFile(
    soft,
    Buffer.concat(writeSafetensors([{ name: "p", shape: [4, 32], data: prompt }])),
  );
  const args = ["--soft-prompt", soft, "--layers", "1,2", "--threads", "1"];
  const own = await resultOf(args);
  expect(own.result.spec).toMatchObject({
    target: { tokens: [0, 0, 0, 0], position: -1 },
    interventions: [{ kind: "soft-prompt", file: soft, tensor: "p", positions: "all" }],
    read: { maxTokens: 4 },
  });
  const fixed = await resultOf([...args.slice(2), "--preset", "future-lens"]);
  expect(fixed.result.cells[0]).not.toEqual(own.result.cells[0]);
  const explained = await run(["inspect", "the cat sat", ...args, "--explain"]);
  expect(explained.terminal.printed()).toContain(
    `Soft prompt: ${soft} as the embeddings at positions 0, 1, 2, 3.`,
  );
  const shown = await run(["inspect", "the cat sat", ...args]);
  expect(shown.terminal.printed().replaceAll(/\s/gu, "")).toContain(
    `Vectorsof${soft}standfortokensofthetarget`,
  );
  const across = [...args, "--explainer", reader];
  const read = await resultOf(across);
  expect(read.result.models).toHaveLength(2);
  expect(read.result.cells).toHaveLength(2);
  expect((await run(["inspect", "the cat sat", ...across, "--explain"])).status).toBe(0);
});

test("The model itself as the explainer needs no map", async () => {
  const { result, noted } = await resultOf(["--explainer", MODEL, ...ASK]);
  expect(result.models).toHaveLength(1);
  expect(noted).not.toContain("map");
});

test.each([
  [["--to-model", "MODEL", "--to", "1"], "There are both --to and --to-model."],
  [["--to-layers", "1"], "There is --to-layers and no --to-model."],
])("A wrong request for a fit is refused: %j", async (args, message) => {
  const out = join(folder, "no.safetensors");
  const { status, terminal } = await run(["fit", "--sample", "4", ...args, "--out", out]);
  expect(terminal.noted()).toContain(message);
  expect(status).toBe(2);
});

test("Models without tokenizers, or of other widths with a turn, are refused", async () => {
  const fit = ["fit", "--sample", "4", "--out", join(folder, "no.safetensors"), "--threads", "1"];
  const without = await run([...fit, "--to-model", join(FIXTURES, "tiny", "llama-gqa")]);
  expect(without.terminal.noted()).toContain("needs the tokenizers of both");
  const turned = ["--to-model", join(FIXTURES, "tiny", "gemma3"), "--kind", "procrustes"];
  const { status, terminal } = await run([...fit, ...turned]);
  expect(terminal.noted()).toContain(
    "expected affine or low-rank between states of 32 and of 16 numbers",
  );
  expect(status).toBe(2);
});

test("A preset that stays within one model is refused", async () => {
  const lens = ["inspect", "the cat sat", "--explainer", reader, "--map", "map.safetensors"];
  const { status, terminal } = await run([...lens, "--preset", "lre"]);
  expect(terminal.noted()).toContain("The preset lre stays within one model");
  expect(status).toBe(2);
});

test("A preset that writes no state has nothing for another model to read", async () => {
  const args = ["--preset", "ablation", "--explainer", reader];
  const { status, terminal } = await run(["inspect", "the cat sat", ...args]);
  expect(status).toBe(2);
  expect(terminal.noted()).toContain("This preset writes no state that");
});

test("Metrics hold the states of a model of the same tokens against that model's own run", async () => {
  const args = ["--subject", "cat", "--explainer", reader, "--samples", "1", "--threads", "1"];
  const { result } = await resultOf(args);
  expect(result.cells.every(({ metrics }) => Object.keys(metrics ?? {}).length > 0)).toBe(true);
  expect(Object.keys(result.source.metrics ?? {}).length).toBeGreaterThan(0);
});
