import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { FIXTURES } from "../../tests/support/goldens.ts";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { writeSafetensors } from "../models/weights/safetensors-writer.ts";
import { loadMapping } from "../node.ts";
import { runCommandLine } from "./program.ts";

const MODEL = join(FIXTURES, "tiny", "llama-gguf", "model.gguf");
const [ITEMS, WIDTH] = [12, 5];

let folder: string;
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-fit-vectors-"));
  const data = Float32Array.from({ length: ITEMS * WIDTH }, (_, at) => Math.sin(at * at));
  const tensors = [
    { name: "images", shape: [ITEMS, WIDTH], data },
    { name: "others", shape: [WIDTH], data: data.slice(0, WIDTH) },
  ];
  await writeFile(path("images"), Buffer.concat(writeSafetensors(tensors, {})));
  const words = ["cat", "dog", "cat sat", "dog sat"];
  const lines = Array.from({ length: ITEMS }, (_, at) => `I saw the ${words[at % 4] ?? ""}`);
  await writeFile(path("captions"), lines.join("\n"));
  await writeFile(path("few"), lines.slice(1).join("\n"));
  return () => rm(folder, { recursive: true });
});

async function run(...args: readonly string[]): Promise<{
  readonly status: number;
  readonly printed: string;
  readonly noted: string;
}> {
  const terminal = recordingTerminal();
  const { signal } = new AbortController();
  const status = await runCommandLine([...args, "--model", MODEL], { terminal, signal });
  return { status, printed: terminal.printed(), noted: terminal.noted() };
}

const fit = (...more: readonly string[]): ReturnType<typeof run> =>
  run("fit", "--vectors", path("images"), "--tensor", "images", "--out", path("map"), ...more);

test("Vectors are mapped to the states of their texts, and read as captions at that layer", async () => {
  const fitted = await fit("--texts", path("captions"), "--to", "1", "--ridge", "0.1");
  expect(fitted.noted).not.toContain("error");
  expect(fitted.printed).toContain("affine maps from the vectors of images to layers of");
  expect(fitted.printed).toMatch(/\n +1 +\d+\.\d%/u);
  expect(fitted.printed).toContain("--preset caption");
  const { model, target, anySource, pairs, fit: record } = await loadMapping(path("map"));
  expect(anySource).toBe(true);
  expect(model).toMatchObject({ name: "images", layers: 1, hiddenSize: WIDTH });
  expect(target?.layers).toBeGreaterThan(1);
  expect(pairs.map((pair) => pair.target)).toEqual([1]);
  expect(record).toMatchObject({ texts: ITEMS, ridge: 0.1, data: path("captions") });
  const ofFile = ["--vectors", path("images"), "--tensor", "images"];
  const caption = ["inspect", ...ofFile, "--preset", "caption"];
  const through = [...caption, "--map", path("map"), "--max-tokens", "3"];
  const read = await run(...through, "--item", "2", "-f", "json");
  expect(JSON.parse(read.printed)).toMatchObject({
    spec: { source: { file: path("images"), item: 2 } },
    cells: [{ target: { layer: 1 } }],
    warnings: [],
  });
  const shown = await run(...through, "--item", "2", "--contrast", "3,4");
  expect(shown.printed).toContain(`vectors of ${path("images")}, item 2`);
  expect(shown.printed).toContain("with 8 other vectors of the file");
  expect(shown.printed).toContain("against the 2 other sources in its place");
  expect(shown.printed).toMatch(/another item\W+npx patchscopes inspect --vectors \S+ .*--item 3/u);
  const all = await run(...through, "--at", "1", "--contrast", "3", "-f", "json");
  expect(JSON.parse(all.printed)).toMatchObject({ spec: { contrast: [{ position: 3 }] } });
});

test.each<readonly [string, readonly string[], string]>([
  ["no text for one of them", ["--texts", "few"], "is [12, 5], and there are 11 texts"],
  ["no texts", ["--sample", "3"], "Vectors are mapped to the states of --texts"],
  ["another kind", ["--texts", "captions", "--kind", "mlp"], "--kind mlp is not for --vectors"],
  ["a source's layers", ["--texts", "captions", "--layers", "1"], "are not for --vectors"],
  ["two targets", ["--texts", "captions", "--to", "1", "--to-layers", "0"], "both --to and"],
  ["a layer that is not there", ["--texts", "captions", "--to", "99"], "layer 99"],
])("%s is refused", async (_, args, message) => {
  const { status, noted } = await fit(
    ...args.map((each) => (["few", "captions"].includes(each) ? path(each) : each)),
  );
  expect(status).toBe(2);
  expect(noted).toContain(message);
});

test("An item and a tensor are those of a file of vectors", async () => {
  for (const option of ["item", "tensor"]) {
    const { status, noted } = await run("inspect", "the cat", `--${option}`, "3");
    expect(status).toBe(2);
    expect(noted).toContain(`There is --${option} and no --vectors.`);
  }
});

test("Of several tensors one is named", async () => {
  const { noted } = await run("inspect", "--vectors", path("images"), "--map", path("map"));
  expect(noted).toContain('it has several tensors ("images", "others"), so one must be named');
});
