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
import { writeMapping } from "../../src/mapping/mapping-file.ts";
import type { LoadedModel } from "../../src/node.ts";
import type { CellRecord, PatchscopeResult } from "../../src/result/result.ts";
import { planSpec, runSpec, type RunSpecOptions } from "../../src/run/run-spec.ts";
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
      const mappings = formulasFor(source, target);
      const options: RunSpecOptions & { readonly target: LoadedModel } = { mappings, target };
      return runSpec(spec, source, options);
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
      const written = await withMapFiles(each, {
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

/** The spec as JSON, with the maps that are formulas in it as files. */
async function withMapFiles(
  { spec }: Case,
  {
    source,
    target,
    folder,
  }: { readonly source: LoadedModel; readonly target: LoadedModel; readonly folder: string },
): Promise<string> {
  const json = JSON.stringify(spec);
  const [, formula] = /"(formula:\w+)"/u.exec(json) ?? [];
  if (formula === undefined) return json;
  const plan = planSpec(parseSpec(spec), source.model, {
    ...(source !== target && { target: target.model }),
  });
  const written = plan.cells.flatMap(({ writes }) => writes.map(({ names }) => names));
  const { pairs, file: _, hash: __, ...mapping } = await formulasFor(source, target)(formula);
  const path = join(folder, "map.safetensors");
  const needed = pairs.filter((pair) =>
    written.some((names) => names.source === pair.source && names.target === pair.target),
  );
  await writeFile(path, writeMapping({ ...mapping, pairs: needed }));
  return json.replace(formula, () => path);
}

/** The cases within a model. */
function testCasesOf(name: string, loaded: () => LoadedModel): void {
  for (const each of cases.filter(({ model, target }) => model === name && target === undefined)) {
    testCase(each.name, each, (spec) =>
      runSpec(spec, loaded(), { mappings: formulasFor(loaded(), loaded()) }),
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

/** The mappings that the fixture has as formulas, for all pairs of layers of two models, or of one. */
function formulasFor(
  source: LoadedModel,
  target: LoadedModel,
): (file: string) => Promise<LoadedMapping> {
  return async (file) => {
    const [from, to] = await Promise.all([recordOf(source), recordOf(target)]);
    const columns = from.hiddenSize;
    const rows = to.hiddenSize;
    const weight = new Float32Array(rows * columns).map((_, index) => {
      const [i, j] = [Math.floor(index / columns), index % columns];
      return (i === j ? 1 : 0) + (0.5 / Math.sqrt(columns)) * Math.sin(1 + 0.7 * i + 1.3 * j);
    });
    const bias = new Float32Array(rows);
    if (file === "formula:affine") bias.forEach((_, i) => (bias[i] = 0.1 * Math.cos(i)));
    const map = { kind: "affine", weight, bias } as const;
    const layers = (count: number): number[] => Array.from({ length: count }, (_, layer) => layer);
    const pairs = layers(from.layers).flatMap((one) =>
      layers(to.layers).map((other) => ({ source: one, target: other, map })),
    );
    const mapping = {
      kind: "affine",
      model: from,
      site: "resid_post",
      pairs,
      file,
      hash: file,
    } as const;
    return source !== target ? { ...mapping, ...{ target: to } } : mapping;
  };
}

async function recordOf({ model }: LoadedModel): Promise<LoadedMapping["model"]> {
  const { layers, hiddenSize } = model.architecture;
  return { name: model.name, weights: await model.weightsHash(), layers, hiddenSize };
}
