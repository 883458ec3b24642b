/**
 * Each row of the paper's table 1 and its successors through the library and from the command line, against what PyTorch computed with hooks.
 * A case whose fields this version refuses is skipped with the refusal, and is run as soon as they are there.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { assert } from "../../src/errors.ts";
import type { LoadedMapping } from "../../src/mapping/fitted-mapping.ts";
import type { FittedMap } from "../../src/mapping/mapping.ts";
import { writeMapping } from "../../src/mapping/mapping-file.ts";
import { writeSafetensors } from "../../src/models/weights/safetensors-writer.ts";
import type { LoadedModel } from "../../src/node.ts";
import type { CellRecord, PatchscopeResult } from "../../src/result/result.ts";
import { loadVectorFiles, planSpec, runSpec, type RunSpecOptions } from "../../src/run/run-spec.ts";
import { parseSpec, safeParseSpec } from "../../src/spec/schema.ts";
import type { PatchscopeSpec } from "../../src/spec/spec.ts";
import { FIXTURES } from "../support/goldens.ts";
import {
  describeCachedModel,
  describeRealModel,
  REAL_MODEL,
  useLoadedModel,
} from "../support/real-model.ts";

const tokens = z.array(z.int());
const caseSchema = z.object({
  name: z.string(),
  model: z.string(),
  target: z.string().optional(),
  spec: z.unknown(),
  source: tokens,
  targetTokens: tokens,
  cells: z.array(
    z.object({ next: z.array(z.tuple([z.int(), z.number()])), tokens: tokens.optional() }),
  ),
});
type Case = z.infer<typeof caseSchema>;

const { cases } = z
  .object({ cases: z.array(caseSchema) })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "table1.json"), "utf8")));

/** Log-probabilities of two float32 computations in different orders, in nats. */
const TOLERANCE = 3e-3;

const [SMALL, LARGE] = [REAL_MODEL, "gemma-3-270m"];

await describeRealModel(`table 1 on ${SMALL}`, () => {
  testCasesOf(SMALL, useLoadedModel());
});
await describeCachedModel(LARGE, `table 1 on ${LARGE}`, (loaded) => {
  testCasesOf(LARGE, loaded);
});

await describeCachedModel(LARGE, "table 1 across models", (large) => {
  const small = useLoadedModel();
  for (const each of cases.filter(({ target }) => target !== undefined)) {
    testCase(`${each.model} explained by ${each.target ?? ""}`, each, async (spec) => {
      const [source, target] = each.model === SMALL ? [small(), large()] : [large(), small()];
      return runSpec(spec, source, { ...formulasFor(spec, source, target), target });
    });
  }
});

await describeCachedModel(LARGE, "table 1 from the command line", (large) => {
  const small = useLoadedModel();
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "patchscopes-table1-"));
    return () => rm(folder, { recursive: true, force: true });
  });

  test.each(cases.map((each) => [each.name, each.model, each] as const))(
    "%s of %s",
    async (_, __, each) => {
      const named = (name: string): LoadedModel => (name === SMALL ? small() : large());
      const spec = join(folder, "spec.json");
      const written = await withFiles(each, {
        ...{ source: named(each.model), target: named(each.target ?? each.model) },
        folder,
      });
      await writeFile(spec, written);
      const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
      const { stdout } = await promisify(execFile)(process.execPath, [main, "run", spec], {
        maxBuffer: 2 ** 26,
      });
      expectSame(JSON.parse(stdout) as PatchscopeResult, each);
    },
  );
});

/** The spec as JSON, with the maps and vectors that are formulas in it as files. */
async function withFiles(
  { spec }: Case,
  {
    source,
    target,
    folder,
  }: { readonly source: LoadedModel; readonly target: LoadedModel; readonly folder: string },
): Promise<string> {
  const json = JSON.stringify(spec);
  const [, formula] = /"mapping":\{"file":"(formula:\w+)"/u.exec(json) ?? [];
  if (formula === undefined) return json;
  const parsed = parseSpec(spec);
  const { mappings, vectors } = formulasFor(parsed, source, target);
  const plan = planSpec(parsed, source.model, {
    ...(source !== target && { target: target.model }),
    vectors: await loadVectorFiles(parsed, vectors),
  });
  const written = plan.cells.flatMap(({ writes }) => writes.map(({ names }) => names));
  const { pairs, file: _, hash: __, ...mapping } = await mappings(formula);
  const path = join(folder, "map.safetensors");
  const needed = pairs.filter((pair) =>
    written.some((names) => names.source === pair.source && names.target === pair.target),
  );
  await writeFile(path, writeMapping({ ...mapping, pairs: needed }));
  const images = join(folder, "images.safetensors");
  const { shape, data, tensor: name } = await vectors(VECTORS);
  await writeFile(images, writeSafetensors([{ name, shape, data }], {}));
  return json.replace(formula, () => path).replace(VECTORS, () => images);
}

/** The cases within a model. */
function testCasesOf(name: string, loaded: () => LoadedModel): void {
  for (const each of cases.filter(({ model, target }) => model === name && target === undefined)) {
    testCase(each.name, each, (spec) =>
      runSpec(spec, loaded(), formulasFor(spec, loaded(), loaded())),
    );
  }
}

function testCase(
  title: string,
  each: Case,
  run: (spec: PatchscopeSpec) => Promise<PatchscopeResult>,
): void {
  const parsed = safeParseSpec(each.spec);
  if (parsed.success) {
    test(title, async () => {
      expectSame(await run(parsed.spec), each);
    });
  } else {
    const [issue] = parsed.issues;
    const reason = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
    test.skip(`${title} (refused: ${reason})`, () => undefined);
  }
}

function expectSame(result: PatchscopeResult, expected: Case): void {
  expect(result.source.tokens).toEqual(expected.source);
  expect(result.target.tokens).toEqual(expected.targetTokens);
  expect(result.cells).toHaveLength(expected.cells.length);
  for (const [index, cell] of expected.cells.entries()) {
    const got = result.cells[index];
    assert(got, "the cell is there");
    expectSameCell(got, cell);
  }
}

function expectSameCell(got: CellRecord, expected: Case["cells"][number]): void {
  const logprobs = new Map(got.next.map(({ token, logprob }) => [token, logprob]));
  for (const [token, logprob] of expected.next) {
    expect(Math.abs((logprobs.get(token) ?? -Infinity) - logprob)).toBeLessThan(TOLERANCE);
  }
  if (expected.tokens !== undefined) expect(got.tokens).toEqual(expected.tokens);
}

const VECTORS = "formula:vectors";
const IMAGES = [4, 3, 48] as const;

type Formulas = {
  readonly [Key in "mappings" | "vectors"]: NonNullable<RunSpecOptions[Key]>;
};

/** What the fixture has as formulas: vectors, and maps for all pairs of layers of two models, or of one, or from the vectors. */
function formulasFor(spec: PatchscopeSpec, source: LoadedModel, target: LoadedModel): Formulas {
  return {
    mappings: async (file) => {
      const [from, to] = await Promise.all([recordOf(source), recordOf(target)]);
      const mapping = { kind: "affine", site: "resid_post", file, hash: file } as const;
      if ("file" in spec.source) {
        const model = { name: VECTORS, weights: VECTORS, layers: 1, hiddenSize: IMAGES[2] };
        const map = formulaMap(file, { rows: to.hiddenSize, columns: IMAGES[2] });
        const pairs = [{ source: "embedding", target: "embedding", map } as const];
        return { ...mapping, model, target: to, pairs, anySource: true };
      }
      const map = formulaMap(file, { rows: to.hiddenSize, columns: from.hiddenSize });
      const pairs = layersOf(from).flatMap((one) =>
        layersOf(to).map((other) => ({ source: one, target: other, map })),
      );
      return { ...mapping, model: from, pairs, ...(source !== target && { target: to }) };
    },
    vectors: (file) => {
      const [images, places, width] = IMAGES;
      const data = Float32Array.from({ length: images * places * width }, (_, at) => {
        const [image, place] = [Math.floor(at / (places * width)), Math.floor(at / width) % places];
        return Math.sin(0.3 + 1.1 * image + 0.9 * place + 0.37 * (at % width));
      });
      const unknown = { layers: undefined, site: undefined, tokens: undefined };
      return Promise.resolve({
        file,
        hash: file,
        tensor: "images",
        shape: IMAGES,
        ...unknown,
        data,
      });
    },
  };
}

function formulaMap(
  file: string,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): Extract<FittedMap, { kind: "affine" }> {
  const weight = new Float32Array(rows * columns).map((_, index) => {
    const [i, j] = [Math.floor(index / columns), index % columns];
    return (i === j ? 1 : 0) + (0.5 / Math.sqrt(columns)) * Math.sin(1 + 0.7 * i + 1.3 * j);
  });
  const bias = new Float32Array(rows);
  if (file === "formula:affine") bias.forEach((_, i) => (bias[i] = 0.1 * Math.cos(i)));
  return { kind: "affine", weight, bias };
}

function layersOf({ layers }: LoadedMapping["model"]): number[] {
  return Array.from({ length: layers }, (_, layer) => layer);
}

async function recordOf({ model }: LoadedModel): Promise<LoadedMapping["model"]> {
  const { layers, hiddenSize } = model.architecture;
  return { name: model.name, weights: await model.weightsHash(), layers, hiddenSize };
}
